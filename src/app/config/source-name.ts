/** Part of keys and of metric labels, and typed at a prompt. */
export const SOURCE_NAME = /^[A-Za-z0-9_-]{1,64}$/
export const SOURCE_NAME_HINT = 'Write at most 64 letters, digits, "_" and "-".'
