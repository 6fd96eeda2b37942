// What web-vitals' readme shows: the last values are known when the page is left.
import { onCLS, onINP, onLCP } from "web-vitals";

for (const on of [onCLS, onINP, onLCP]) on(({ name, value, rating }) => window.footfall(name, { rating }, value));
