/**
 * The largest event that a server sends: the dump ends with an error for one beyond max_allowed_packet, which cannot be
 * above 1 GiB, and its header (Binlog_sender, MAX_LOG_EVENT_HEADER). What claims more is damaged or hostile, so that
 * nothing is gathered for it (invariant 6).
 */
export const MOST_EVENT_BYTES = 1024 * 1024 * 1024 + 64 * 1024
