/** Names are part of unique keys; MySQL bounds those. */
const MOST_NAME_LENGTH = 255
/** Servers differ in whether they keep or compare these. */
const CONTROL_CHARACTERS = /\p{Cc}/u

/** Why a name, id or type cannot be stored the same way by every database; null: it can. */
export function nameProblem(name: unknown, mostLength = MOST_NAME_LENGTH): string | null {
  if (typeof name !== 'string') return 'must be a string'
  if (name === '') return 'must not be empty'
  if (name.length > mostLength) return `is longer than ${mostLength} characters`
  if (name !== name.trim()) return 'must not begin or end with a blank'
  if (CONTROL_CHARACTERS.test(name) || !name.isWellFormed()) {
    return 'must not contain control characters or lone surrogates'
  }
  return null
}
