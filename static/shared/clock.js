/** A clock tells times of day in the site's zone; beside it, `ago` tells how long ago something was. */

export class Clock {
  /** @param {string} zone IANA name */
  constructor(zone) {
    this.zone = zone;
    this.seconds = formatter(zone, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
    this.minutes = formatter(zone, { hour: "2-digit", minute: "2-digit" });
  }

  /**
   * "20:38:04"
   * @param {number} at ms since the epoch
   */
  second(at) {
    return this.seconds.format(at);
  }

  /**
   * "20:38"
   * @param {number} minute since the epoch
   */
  minute(minute) {
    return this.minutes.format(minute * 60_000);
  }

  /**
   * Minutes past the hour in the zone, where some stand half an hour apart from the others.
   * @param {number} minute since the epoch
   */
  pastHour(minute) {
    return Number(this.minute(minute).slice(-2));
  }
}

/**
 * "4 s ago": tenths would be painted five times a second, for as long as a board stands open.
 * @param {number} ms
 */
export function ago(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 1) return "just now";
  return seconds < 60 ? `${seconds} s ago` : `${Math.round(seconds / 60)} min ago`;
}

/**
 * @param {string} zone
 * @param {Intl.DateTimeFormatOptions} options
 */
function formatter(zone, options) {
  try {
    return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone, hourCycle: "h23" });
  } catch {
    // A zone newer than this browser's tables.
    return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC", hourCycle: "h23" });
  }
}
