/** What a page that has the snippet knows as `footfall`: the snippet's API, or until then the stub that keeps calls. */
interface Footfall {
  (name: string, properties?: Record<string, unknown> | null, value?: number | null): void;
  /** The calls that the stub keeps, each as its `arguments`. */
  q?: Parameters<Footfall>[];
  /** Set once the snippet has loaded. */
  v?: 1;
}

interface Window {
  footfall?: Footfall;
  /** Set in pages that Cypress drives. */
  Cypress?: unknown;
}

// What some browsers know, and the types of the DOM do not.
interface Navigator {
  globalPrivacyControl?: boolean;
}

interface Document {
  prerendering?: boolean;
}
