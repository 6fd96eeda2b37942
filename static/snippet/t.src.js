/**
 * Footfall's snippet: one open page holds one WebSocket, and what is open is what is counted.
 *
 * It is a guest in somebody's page: no cookie, no storage of its own, no global but `footfall`, and every entry
 * (listener, timer, socket event, API call) goes through `quiet`, so that nothing it does can throw over there.
 * Its other rule is its size, hence few guards and much that is deliberately one mechanism instead of two.
 * `scripts/build-snippet` makes `static/t.js` of it. docs/snippet.md: how to paste it; docs/protocol.md: what it says.
 */
try {
  /**
   * A `page` message. `e` and `d` are absent until it was said: with them the server knows that it goes on, and
   * counts nothing twice.
   * @typedef {object} PageView
   * @property {"page"} t
   * @property {string} id
   * @property {string} u URL
   * @property {string} r referrer
   * @property {string} ti title
   * @property {string} l language
   * @property {number} [w] width of the viewport
   * @property {string} [z] time zone
   * @property {number} [e] engaged ms
   * @property {number} [d] deepest scroll, %
   */
  /**
   * An `event` message.
   * @typedef {object} EventMessage
   * @property {"event"} t
   * @property {string} id of its page view
   * @property {string} k its own id
   * @property {string} n name
   * @property {Record<string, unknown>} p properties
   * @property {number | null} [v] value
   */
  /** @typedef {{send: (text: string) => void, close: () => void}} Link a socket, or what stands in for one */

  const ENGAGED_FOR = 15e3; // ms that one interaction is good for
  const ACK_WITHIN = 1e4; // ms; without an ack it is said again
  const SAME_PAGE_FOR = 18e5; // ms without a link after which the page counts as a new page view
  // What may wait for its ack, page views and events. A server takes 100 messages in a burst and 20 a second.
  const MOST_WAITING = 60;
  const MOST_A_SECOND = 8;
  const TRUE = /** @type {boolean} */ (/** @type {unknown} */ (1)); // a shorter one

  const script = /** @type {HTMLScriptElement} */ (document.currentScript);
  const data = script.dataset;
  // Tag managers drop `data-*`.
  const site = data.site || script.src.split("site=")[1];
  const rest = new URL(data.host || script.src).origin.slice(4) + "/live/" + site; // after "http" or "ws"

  const wall = Date.now;
  const stub = window.footfall || /** @type {Partial<Footfall>} */ ({});
  const calls = stub.q || [];

  /**
   * What is not stored yet, by the id of its ack; of the page views the last is current.
   * @type {Map<string, PageView | EventMessage>}
   */
  const waiting = new Map();

  /** @type {PageView} */
  let current;
  let engaged = 0; // ms, of the current page view
  let depth = 0; // its deepest scroll, %

  /** @type {Link | 0} */
  let link = 0;
  /** @typedef {0 | 1 | undefined} Flag shorter than true and false, and unset at first */
  /** @type {Flag} */
  let up; // the link takes messages
  /** @type {Flag} */
  let opened; // a socket has once opened in this page: sockets are not blocked
  let attempts = 0; // since the last ack
  /** @type {Flag} */
  let byPost; // POST has worked, or sockets cannot
  // Nothing more is said in this page, ever: so does the visitor wish, the owner, the server or the host's policy.
  /** @type {boolean | Flag} */
  let over =
    ("dnt" in data &&
      (/** @type {unknown} */ (navigator.doNotTrack) == 1 || navigator.globalPrivacyControl)) ||
    (!("automation" in data) && navigator.webdriver);
  /** @type {Flag} */
  let gone; // hidden by `pagehide`, perhaps kept in the back/forward cache
  /** @type {number | undefined} */
  let again; // the timer that says things again
  let alive = wall(); // when the link was last known to be good; by the wall clock, so that sleep counts

  /** @type {"active" | "idle" | "hidden"} */
  let attention;
  /** @type {typeof attention} */
  let reported; // what the server thinks it is
  let since = 0; // engaged time is counted up to here (ms, steady clock) …
  let until = 0; // … and will be up to here if nothing more happens; 0 while hidden
  /** @type {number | undefined} */
  let idling; // the timer that notices
  /** @type {string} */
  let here; // the URL of the current page view
  /** @type {number | undefined} */
  let moving; // the timer after which a navigation is looked at …
  /** @type {unknown} */
  let pushed; // … and was more than `replaceState`
  let allowance = MOST_A_SECOND; // so many more page views and events may be said in this second

  /**
   * The same function, but what it throws ends here.
   * @template {unknown[]} Args
   * @template Result
   * @param {(...args: Args) => Result} work
   * @returns {(...args: Args) => Result | void}
   */
  const quiet =
    (work) =>
    /** @returns {Result | void} */
    (...args) => {
      try {
        return work(...args);
      } catch (error) {}
    };

  /**
   * Capturing, so that the window sees events of the document, too, and those that the host stops.
   * @template {Event} Listened
   * @param {string} types @param {(event: Listened) => void} work
   */
  const on = (types, work) =>
    types.split(" ").forEach((type) => addEventListener(type, /** @type {EventListener} */ (quiet(work)), TRUE));

  /** @param {() => void} work @param {number} ms */
  const later = (work, ms) => setTimeout(quiet(work), ms);

  /** A UUID of version 4. (`crypto.randomUUID` is missing where a page came without HTTPS.) */
  const uuid = () =>
    "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx".replace(/x/g, () =>
      // (An array of one number is as good as that number.)
      (/** @type {any} */ (crypto.getRandomValues(new Uint8Array(1))) & 15).toString(16),
    );

  /** A host page that calls in a loop must not get us closed with 4429. */
  const afford = () => {
    later(() => allowance++, 1e3);
    return allowance-- > 0;
  };

  /** @param {object} message */
  const send = (message) => {
    /** @type {Link} */ (link).send(JSON.stringify(message));
    again = again || later(remind, ACK_WITHIN);
  };

  /** What was not acknowledged in time is said again. */
  const remind = () => {
    again = 0;
    attend();
    if (up && waiting.size) say(1);
  };

  /** @param {string} type `state` or `end`, of the current page view */
  const report = (type) => ({ t: type, id: current.id, s: attention, e: engaged, d: depth });

  /** Have the current page view wait for its ack. Where far too much waits already, that is given up. */
  const keep = () => {
    if (waiting.size > MOST_WAITING) waiting.clear();
    waiting.set(current.id, current);
  };

  /** Take the deepest scroll so far, rounded; a document that does not scroll is seen whole. */
  const look = () => {
    depth = Math.max(
      depth,
      Math.min(100, (100 * (scrollY + innerHeight)) / document.documentElement.scrollHeight + 0.5) | 0,
    );
  };

  /** Say what the page is if the server thinks otherwise. */
  const tell = () => {
    if (up && reported != attention) {
      reported = attention;
      look();
      send(report("state"));
    }
  };

  /**
   * Count engaged time up to now and find out what the page is. Nothing ticks: the time comes from the clock and
   * never past `until`, so that throttled timers and a laptop that slept add nothing.
   * @param {unknown} [interaction]
   */
  const attend = (interaction) => {
    const now = performance.now() | 0;
    engaged += Math.max(0, Math.min(now, until) - since);
    since = now;
    if (gone || document.hidden) until = 0;
    else if (interaction) until = now + ENGAGED_FOR;
    attention = until > now ? "active" : until ? "idle" : "hidden";
    tell();
    if (/** @type {number} */ (current.e) >= 0) {
      current.e = engaged;
      current.d = depth;
    }
    if (until > now) idling = idling || later(() => attend((idling = 0)), until - now);
  };

  /** A page view begins. @param {string} referrer */
  const view = (referrer) => {
    engaged = depth = 0;
    current = {
      t: "page",
      id: uuid(),
      u: here.slice(0, 2048),
      r: referrer.slice(0, 2048),
      ti: document.title.slice(0, 256),
      l: navigator.language,
    };
  };

  /**
   * Say the current page view: the server takes the last one said for the open one.
   * @param {unknown} [all] all that waits comes first
   */
  const say = (all) => {
    // The first may cost a layout, the second 20 ms: not before the link is up.
    current.w = innerWidth;
    current.z = Intl.DateTimeFormat().resolvedOptions().timeZone;
    keep();
    if (all) waiting.forEach(send);
    else send(current);
    if (opened) /** @type {{e: number}} */ (current).e |= 0;
    reported = "active";
    tell();
  };

  /** @param {{id: string}} ack */
  const acked = (ack) => {
    alive = wall();
    attempts = 0;
    waiting.delete(ack.id);
    if (ack.id == current.id) /** @type {{e: number}} */ (current).e |= 0;
  };

  /** The link is up: the page goes on as the same page view, after half an hour as a new one. */
  const begin = () => {
    attend();
    if (wall() - alive > SAME_PAGE_FOR) {
      waiting.clear();
      view(current.r);
    }
    up = 1;
    say(1);
  };

  /** @param {unknown} [code] a close code, or the status of a POST (4403 and 403 mean the same), or an error */
  const lost = (code) => {
    link = up = 0;
    over = over || /4(00|03|13|29)$/.test(/** @type {string} */ (code));
    const random = Math.random();
    const bound = Math.min(29500, 2e3 * 2 ** attempts);
    later(
      connect,
      /503$/.test(/** @type {string} */ (code))
        ? 3e4 + 3e4 * random
        : code == 4502
          ? 500 * random
          : 500 + bound * random,
    );
  };

  const bySocket = () => {
    const mine = (link = new WebSocket("ws" + rest));
    mine.onopen = quiet(() => {
      opened = 1;
      begin();
    });
    mine.onmessage = quiet((event) => acked(JSON.parse(event.data)));
    mine.onclose = quiet((event) => link == mine && lost(event.code));
    // Some proxies neither pass a handshake on nor refuse it.
    later(() => mine.readyState || mine.close(), 1e4);
  };

  /** @param {string} type of the last message @returns the body of a POST: all that waits, and that */
  const body = (type) => JSON.stringify([...waiting.values(), report(type)]);

  /** Say the last of the current page view, where no socket does. */
  const leave = () => navigator.sendBeacon("http" + rest, body("end"));

  /**
   * A link that posts all that waits and the present state whenever something was to be sent; the answers are the
   * acks. Presence is then a lease: saying the page again renews it, and restores one that ran out.
   */
  const byRequest = () => {
    /** @type {number | undefined} */
    let timer;
    const beat = async () => {
      try {
        const answer = await fetch("http" + rest, { method: "POST", body: body("state") });
        if (!answer.ok) throw answer.status;
        (await answer.json()).forEach(acked);
        byPost = 1;
        if (link == mine) timer = later(begin, until ? 1e4 : 6e4);
      } catch (status) {
        if (link == mine) lost(status);
      }
    };
    const mine = (link = {
      send: () => {
        clearTimeout(timer);
        timer = later(beat, 0);
      },
      close: () => clearTimeout(timer),
    });
    begin();
  };

  /** Two sockets; where none has ever opened, a POST; and so on until something answers. */
  const connect = () => {
    if (gone || over || link) return;
    attempts++;
    if (!opened && (byPost || attempts % 3 == 0)) return byRequest();
    try {
      bySocket();
    } catch (error) {
      byPost = 1;
      lost();
    }
  };

  /**
   * What makes a URL another page: the path, the hash where pages live there, and the query unless it was replaced.
   * @param {string} url
   */
  const place = (url) =>
    url.replace("hash" in data ? "" : /#.*/, "").replace(pushed ? "" : /\?[^#]*/, "");

  /** @param {unknown} push not just `replaceState`, which many use to keep a filter in the query */
  const moved = (push) => {
    pushed = pushed || push;
    look();
    moving = moving || later(arrive, 0);
  };

  /** Several navigations in one task are one, and so are more than a server would take. @returns {number | void} */
  const arrive = () => {
    if (!afford()) return (moving = later(arrive, 1e3));
    const from = here;
    here = location.href;
    if (place(from) != place(here)) {
      attend();
      // Without a link it waits, to be said with its figures.
      if (!up) keep();
      else if (opened) send(report("state"));
      else {
        leave();
        waiting.delete(current.id);
      }
      view(from);
      if (up) say();
    }
    moving = pushed = 0;
  };

  /**
   * The API, `footfall(name, properties, value)`. What the protocol would not take is left out here: a frame that
   * breaks it ends the whole conversation.
   * @type {Footfall}
   */
  const event = (name, properties, value) => {
    /** @type {EventMessage} */
    const message = {
      t: "event",
      id: current.id,
      k: uuid(),
      n: `${name}`,
      p: {},
      v: value == null ? value : +value,
    };
    let room = 32;
    for (const key in properties)
      if (Object(properties[key]) !== properties[key] && room-- > 0) message.p[key] = properties[key];
    // 2,700 characters are at most 8,100 bytes.
    if (/\S/.test(name) && waiting.size < MOST_WAITING && JSON.stringify(message).length < 2700) {
      waiting.set(message.k, message);
      // Said while leaving, as web-vitals does: no socket takes it any more.
      if (gone) leave();
      else if (up && afford()) send(message);
    }
  };

  const start = () => {
    here = location.href;
    view(document.referrer);
    attend(1);
    connect();

    on("pointermove pointerdown keydown wheel visibilitychange", attend);
    // Scrolling by itself is no interaction (pages do it by script); the wheel, key or finger that scrolls is one.
    on("scroll", look);
    setInterval(() => {
      // Steps of half an hour are sleep: then the server has long since let go.
      if (up && wall() - alive < SAME_PAGE_FOR) alive = wall();
    }, 6e4);

    on("pagehide", () => {
      gone = 1;
      up = up && opened;
      attend();
      if (link) link.close();
      link = 0;
      keep();
      // No socket took that with it.
      if (!over && !up) leave();
      up = 0;
      waiting.clear();
    });
    on("pageshow", (event) => {
      if (gone) {
        gone = 0;
        // It came about by “back”, not from outside again.
        view("");
        attend(event);
        connect();
      }
    });
    on("securitypolicyviolation", (/** @type {SecurityPolicyViolationEvent} */ event) => {
      // The host's policy forbids sockets: try POST. That, too: going on would only fill the host's reports.
      if (event.blockedURI.endsWith(rest)) {
        // (A socket that a policy forbids is never closed in Chromium: it fails, and that is all.)
        if (event.blockedURI[0] == "w") lost((byPost = 1));
        else over = 1;
      }
    });

    on("popstate", moved);
    /** @type {("pushState" | "replaceState")[]} */ (["pushState", "replaceState"]).forEach((name) => {
      const original = history[name];
      history[name] = function () {
        const result = original.apply(
          this,
          /** @type {Parameters<typeof original>} */ (/** @type {unknown} */ (arguments)),
        );
        quiet(moved)(name[0] == "p");
        return result;
      };
    });
    calls.forEach((call) => event(...call));
  };

  // Loaded twice, it counts once.
  if (!stub.v) {
    const api = /** @type {Footfall} */ (
      quiet((/** @type {Parameters<Footfall>} */ ...call) => over || (current ? event(...call) : calls.push(call)))
    );
    api.v = 1;
    window.footfall = api;
    // In a task of its own: the page waits for deferred scripts, and a first look at storage takes milliseconds.
    later(() => {
      // Where storage is forbidden, looking at it throws.
      quiet(() => (over = over || localStorage.footfall == "ignore"))();
      if (!over) document.prerendering ? on("prerenderingchange", start) : start();
    }, 0);
  }
} catch (error) {}
