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
  // Kept from hosts that overwrite it later.
  const stringify = JSON.stringify;

  const wall = Date.now;
  const stub = window.footfall || /** @type {Partial<Footfall>} */ ({});
  const calls = stub.q || [];

  /**
   * What is not stored yet; of the page views the last is current.
   * @type {Set<PageView | EventMessage>}
   */
  const waiting = new Set();

  /** @type {PageView} */
  let current;
  let engaged = 0; // ms, of the current page view
  let depth = 0; // its deepest scroll, %, …
  let deepest = 0; // … and how far that was scrolled, px

  /** @type {Link | 0} */
  let link = 0;
  /** @typedef {0 | 1 | undefined} Flag shorter than true and false, and unset at first */
  /** @type {Flag} */
  let up; // the link takes messages
  /** @type {Flag} */
  let opened; // a socket has once opened in this page: sockets are not blocked
  /** @type {number | undefined} */
  let posting;
  let attempts = 0; // since the last ack
  // Nothing more is said in this page, ever: so does the visitor wish, the owner, the server or the host's policy.
  /** @type {unknown} */
  let over;
  /** @type {unknown} */
  let hinted; // once is enough
  /** @type {Flag} */
  let gone; // hidden by `pagehide`, perhaps kept in the back/forward cache
  /** @type {number | undefined} */
  let again; // the timer that says things again
  let alive = wall(); // when the link was last known to be good; by the wall clock, so that sleep counts

  /** @type {"active" | "idle" | "hidden"} */
  let attention;
  /** @type {string} */
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
      } catch {}
    };

  /**
   * Capturing, so that the window sees events of the document, too, and those that the host stops.
   * @template {Event} Listened
   * @param {string} types @param {(event: Listened) => void} work @param {EventTarget} [target]
   */
  const on = (types, work, target = window) =>
    types
      .split(" ")
      .forEach((type) => target.addEventListener(type, /** @type {EventListener} */ (quiet(work)), TRUE));

  /** @param {() => void} work @param {number} ms */
  const later = (work, ms) => setTimeout(quiet(work), ms);

  /** @param {string} text what an element is named, that a document then has in its place, is none @param {number} [limit] */
  const cut = (text, limit = 2048) => (text.slice ? text.slice(0, limit) : "");

  /** The title, cut. */
  const titled = () => cut(document.title, 256);

  /**
   * A UUID of version 4, that browsers make as the last part of such an address. (`crypto.randomUUID` is missing where a
   * page came without HTTPS, and a way of our own takes 37 bytes more.)
   */
  const uuid = () => URL.createObjectURL(new Blob()).slice(-36);

  /** A host page that calls in a loop must not get us closed with 4429. */
  const afford = () => allowance && later(() => allowance++, 1e3 + 0 * allowance--);

  /** @param {object} message */
  const send = (message) => {
    /** @type {Link} */ (link).send(stringify(message));
    // What is not acknowledged in time is said again, and all that is a lease.
    again =
      again ||
      later(() => {
        again = 0;
        if (up && (waiting.size || !opened)) begin();
      }, ACK_WITHIN);
  };

  /** @param {string} type `state` or `end`, of the current page view */
  const report = (type) => ({ t: type, id: current.id, s: attention, e: engaged, d: depth, ti: current.ti });

  /** Have the current page view wait for its ack. Where far too much waits already, that is given up. */
  const keep = () => {
    waiting.size < MOST_WAITING || waiting.clear();
    waiting.add(current);
  };

  /**
   * Take the deepest scroll so far, as a share of what is there now: of what lies in the middle of the page, that which was
   * scrolled further than anything before; where nothing was scrolled yet, that which shows the least of itself. Small
   * parts of a page do not count, and nothing does once the page view was left: what is there may be the next one's.
   * @param {Event} [scroll]
   */
  const look = (scroll) => {
    let least = 100;
    let part = /** @type {any} */ (moving ? 0 : document.elementFromPoint(innerWidth / 2, innerHeight / 2));
    for (; part; part = part.parentNode)
      if (2 * part.clientHeight > innerHeight) {
        const share = ((100 * (part.clientHeight + part.scrollTop)) / part.scrollHeight + 0.5) | 0;
        if (scroll && part.scrollTop > deepest) {
          deepest = part.scrollTop;
          depth = share;
        } else if (!deepest && share <= least) depth = least = share;
      }
  };

  /** Say what the page is, and what it is called, if the server thinks otherwise. */
  const tell = () => {
    if (up && reported != (reported = attention + current.ti)) {
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
    const now = wall();
    const more = (now < until ? now : until) - since;
    if (more > 0) engaged += more;
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

  /** What a page view shows may still be coming: look at its title and size. */
  const peek = () => {
    if (moving) return;
    look();
    current.ti = titled();
    tell();
  };

  /** A page view begins. @param {string} referrer */
  const view = (referrer) => {
    engaged = depth = deepest = 0;
    for (let time = 9; time--; ) later(peek, 600 * time);
    current = {
      t: "page",
      id: uuid(),
      u: cut(here),
      r: cut(referrer),
      ti: titled(),
      l: navigator.language,
      w: innerWidth,
      z: Intl.DateTimeFormat().resolvedOptions().timeZone,
    };
  };

  /**
   * Say the current page view: the server takes the last one said for the open one.
   * @param {unknown} [all] all that waits comes first
   */
  const say = (all) => {
    keep();
    if (all) waiting.forEach(send);
    else send(current);
    if (opened) /** @type {{e: number}} */ (current).e |= 0;
    reported = "active" + current.ti;
    tell();
  };

  /** @param {{id: string}} ack */
  const acked = (ack) => {
    alive = wall();
    attempts = 0;
    waiting.forEach((/** @type {any} */ message) => {
      if ((message.k || message.id) == ack.id) {
        message.e |= 0;
        waiting.delete(message);
      }
    });
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

  /**
   * The one line that the owner of a page reads in its console: the address tells what this code or word means.
   * @param {unknown} what
   */
  const hint = (what) => (hinted = hinted || !(/** @type {any} */ (console.warn("http" + rest, what))));

  /** @param {unknown} [code] a close code, or the status of a POST (4403 and 403 mean the same), or an error */
  const lost = (code) => {
    link = up = 0;
    if (/4(13|03|00|29)$/.test(/** @type {string} */ (code))) hint((over = code));
    // (As many attempts as make the wait the shortest or the longest.)
    const least = /503$/.test(/** @type {string} */ (code)) ? (attempts = 3e4) : code == 4502 ? (attempts = -2) : 500;
    later(connect, least + Math.random() * (attempts < 4 ? 2e3 * 2 ** attempts : 29500));
  };

  /** @param {string} type of the last message @returns the body of a POST: all that waits, and that */
  const body = (type) => `[${[...waiting, report(type)].map(/** @type {any} */ (stringify))}]`;

  /** Say the last of the current page view, where no socket does. */
  const leave = () => navigator.sendBeacon("http" + rest, body("end"));

  /** Two sockets; where none has ever opened, a POST; and so on until something answers. */
  const connect = () => {
    if (gone || over || link) return;
    attempts++;
    if (!opened && attempts % 3 == 0) {
      // A link that posts all that waits and the present state whenever something was to be sent; the answers are the
      // acks. Presence is then a lease: saying the page again renews it, and restores one that ran out.
      link = {
        send: () =>
          (posting =
            posting ||
            later(async () => {
              posting = 0;
              try {
                const answer = await fetch("http" + rest, { method: "POST", body: body("state") });
                if (!answer.ok) throw answer.status;
                (await answer.json()).forEach(acked);
                attempts = 2; // the next is a POST again
              } catch (status) {
                lost(status);
              }
            }, 0)),
        close: /** @type {any} */ (quiet),
      };
      begin();
    } else
      try {
        const mine = (link = new WebSocket("ws" + rest));
        mine.onopen = quiet(() => {
          opened = 1;
          begin();
        });
        mine.onmessage = quiet((event) => acked(JSON.parse(event.data)));
        mine.onclose = quiet((event) => link == mine && lost(event.code));
        // Some proxies neither pass a handshake on nor refuse it.
        later(() => mine.readyState || mine.close(), 1e4);
      } catch {
        lost((attempts = 2));
      }
  };

  /**
   * What makes a URL another page: the path, the hash where pages live there, and the query unless it was replaced.
   * @param {string} url
   */
  const place = (url) =>
    url.replace("hash" in data ? "" : /#.*/, "").replace(pushed ? "" : /\?[^#]*/, "");

  /** @param {any} how an event, or the name of a method; `replace…` is used by many to keep a filter in the query */
  const moved = (how) => {
    pushed = pushed || (how.navigationType || how)[0] != "r";
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
        waiting.delete(current);
      }
      view(from);
      if (up) say();
    }
    moving = pushed = 0;
  };

  /**
   * What pages call. What the protocol would not take is left out here: a frame that breaks it ends the whole conversation.
   */
  const api = /** @type {Footfall} */ (
    quiet((/** @type {any} */ name = "", /** @type {any} */ properties, /** @type {any} */ value) => {
      if (over || !current) return /** @type {any} */ (over || calls.push([name, properties, value]));
      /** @type {EventMessage} */
      const message = {
        t: "event",
        id: current.id,
        k: uuid(),
        n: `${name}`,
        p: {},
        v: value == null ? value : +value,
      };
      for (const key in properties)
        // What is no value is left out, what cannot be one throws, and longer numbers than the protocol takes are text.
        quiet((/** @type {any} */ what) => {
          if (Object(what) !== what)
            message.p[key] = what * what > 1e30 || /i/.test(typeof what) ? "" + what : what; // (bigint, or a string)
          else hint(key);
        })(properties[key]);
      // 2,700 characters are at most 8,100 bytes.
      if (/\S/.test(name) && waiting.size < MOST_WAITING && stringify(message).length < 2700) {
        waiting.add(message);
        // Said while leaving, as web-vitals does: no socket takes it any more.
        if (gone) leave();
        else if (up && afford()) send(message);
      } else hint(name);
    })
  );

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
      attend();
      keep();
      // No socket took that with it.
      over || (up && opened) || leave();
      waiting.clear();
      // (Where there is none, this throws.)
      /** @type {Link} */ (link).close();
      link = up = 0;
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
      // The host's policy forbids sockets: try POST. (A socket that a policy forbids is never closed in Chromium.) That,
      // too: going on would only fill the host's reports.
      if (event.blockedURI.endsWith(rest)) lost(attempts > 2 ? 403 : (attempts = 2));
    });

    on("popstate", moved);
    // Routers that use this never call the other two. (Where there is none, the window has no such event.)
    on("currententrychange", moved, window.navigation);
    /** @type {("pushState" | "replaceState")[]} */ ("pushState replaceState".split(" ")).forEach((name) => {
      const original = history[name];
      // (Where the page is afterwards is looked at later. Nobody calls these on anything but the history.)
      history[name] = (...args) => {
        quiet(moved)(name);
        return original.apply(history, args);
      };
    });
    calls.forEach((call) => api(...call));
  };

  // Loaded twice, it counts once.
  if (!stub.v) {
    api.v = 1;
    window.footfall = api;
    // Not at once: a page that only sends on, or rewrites its address, has done so by then. And the page waits for deferred
    // scripts, and a first look at storage takes milliseconds.
    later(() => {
      // Where storage is forbidden, looking at it throws; so does a frame's look at a page that is not of this site.
      quiet(() => {
        over =
          ("dnt" in data && (navigator.globalPrivacyControl || /** @type {any} */ (navigator.doNotTrack) > 0)) ||
          (!("automation" in data) && (navigator.webdriver || window.Cypress)) ||
          localStorage.footfall == "ignore" ||
          (top != window && /** @type {Window} */ (top).footfall);
      })();
      if (!over) document.prerendering ? on("prerenderingchange", start) : start();
    }, 500);
  }
} catch {}
