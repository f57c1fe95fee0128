/**
 * Of MySQL and MariaDB (numbers) and PostgreSQL (codes): wrong user or password, no such database or table, a right that
 * the account does not have.
 */
const REFUSALS: ReadonlySet<unknown> = new Set<unknown>([
  1044,
  1045,
  1049,
  1142,
  1143,
  1146,
  1227,
  1698,
  '28000',
  '28P01',
  '3D000',
  '42501',
  '42P01',
])

/** The server answered, and another attempt will not change its answer. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { errno, code } = error as { errno?: unknown; code?: unknown }
  return REFUSALS.has(errno) || REFUSALS.has(code)
}
