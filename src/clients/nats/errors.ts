/** Of the client: a login that is refused at once, and one that ends while connected. */
const LOGIN_ERRORS: ReadonlySet<string> = new Set(['AuthorizationError', 'UserAuthenticationExpiredError'])

/** What the server refuses: the login, or a right of the user; null: it is another error. */
export function natsRefusal(error: unknown): 'login' | 'right' | null {
  if (!(error instanceof Error)) return null
  if (/permissions? violation/i.test(error.message)) return 'right'
  return LOGIN_ERRORS.has(error.name) ? 'login' : null
}
