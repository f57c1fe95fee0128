/** Replies to AUTH, and to commands without it. */
const LOGIN_REFUSED = /^(WRONGPASS|NOAUTH|NOPERM|ERR (invalid password|AUTH|Client sent AUTH))/

/** By what Redis says. Loads no client. */
export function isLoginRefused(message: string): boolean {
  return LOGIN_REFUSED.test(message)
}
