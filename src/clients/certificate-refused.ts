/** Alerts of TLS (RFC 8446, 6.2) by which a server says that it does not take a client's certificate, or misses one. */
const ALERT =
  /alert (certificate (required|unknown|expired|revoked)|bad certificate|unsupported certificate|unknown ca|access denied)|SSL alert number (4[2-9]|116)/i
/** Causes inside lists of failed tries inside causes. */
const MAX_DEPTH = 12

/** The server has said that it requires a certificate, this client has none, and was cut off. */
export class CertificateMissing extends Error {
  override readonly name = 'CertificateMissing'

  constructor(cause: unknown) {
    super('the server requires a client certificate, and there is none', { cause })
  }
}

/** Whether the server has refused the certificate of this client, or asks for one: somewhere inside what a client threw. */
export function isCertificateRefused(error: unknown, depth = MAX_DEPTH): boolean {
  if (!(error instanceof Error) || depth === 0) return false
  if (error instanceof CertificateMissing || ALERT.test(error.message)) return true
  const inner: readonly unknown[] = error instanceof AggregateError ? error.errors : []
  return [...inner, error.cause].some((each) => isCertificateRefused(each, depth - 1))
}
