/**
 * The snapshot is what the server sends of a site at one moment, and this module is the only one that says its shape
 * (docs/protocol.md, "Live counts"). The types have the names and the fields of the server's own schema, which stands
 * in analytics/live/snapshot.py, one `@property` for each field.
 */

/**
 * One row of a list.
 * @typedef {object} NameTabs
 * @property {string} name
 * @property {number} tabs how many open tabs have that name
 */

/**
 * The page views that began in each minute of an hour.
 * @typedef {object} LastHour
 * @property {number} to the epoch minute of the last count
 * @property {number[]} views 60 counts, oldest first
 */

/**
 * A page view that began, or with `event` an event.
 * @typedef {object} StreamRow
 * @property {number} at seconds since the epoch
 * @property {string} visitor tells the visitors of one day apart
 * @property {string} page
 * @property {string} referrer
 * @property {string} browser
 * @property {string} country
 * @property {string} [event]
 * @property {string} [before] the page before it in its visit; without it the visit began there, from its referrer
 * @property {boolean} [logged] out of a server's log, so that nobody has it open
 */

/**
 * What has happened since the snapshot before.
 * @typedef {object} StreamNews
 * @property {boolean} whole whether the rows stand instead of all before
 * @property {number} more how many rows had no room
 * @property {StreamRow[]} rows newest first
 */

/**
 * How Footfall itself is.
 * @typedef {object} Vitals
 * @property {number} sockets
 * @property {number} messages per second
 * @property {number} delay seconds that storing takes
 * @property {number} depth how many entries wait to be stored
 * @property {number} cpu seconds of processor time per second
 * @property {number} memory bytes, or 0 where the system does not say
 * @property {string} trouble what is wrong, in words, or ""
 * @property {number} room how many sockets may be held
 */

/**
 * The lists, one for each dimension, with the most tabs first.
 * @typedef {object} Lists
 * @property {NameTabs[]} pages
 * @property {NameTabs[]} referrers
 * @property {NameTabs[]} channels
 * @property {NameTabs[]} campaigns
 * @property {NameTabs[]} countries
 * @property {NameTabs[]} browsers
 * @property {NameTabs[]} systems
 * @property {NameTabs[]} devices
 */
/** @typedef {keyof Lists} Dimension */

/**
 * What a snapshot has beside its lists. Attention is null in a moment of the past, since nobody stores it.
 * @typedef {object} LiveObject
 * @property {string} site the site's key
 * @property {string} at "2026-11-21T20:38:00Z"
 * @property {number} seq rises with every snapshot
 * @property {number} stale how many processes vanished with their sockets in the last minute
 * @property {number} tabs
 * @property {number} visitors
 * @property {number | null} active
 * @property {number | null} idle
 * @property {number | null} hidden
 * @property {Record<Dimension, number>} totals how many names each list has, before it was cut
 * @property {number} rate page views begun within the last 60 seconds
 * @property {LastHour} minutes
 * @property {Record<string, number>} world the tabs of every known country, by its ISO alpha-2 code
 * @property {StreamNews} [stream] absent where nothing has happened
 * @property {Vitals} [system] absent in a moment of the past
 */
/** @typedef {LiveObject & Lists} Snapshot */

// Without it this would be no module whose types others can name; it has nothing to run, and no page loads it.
export {};
