import { nkeys } from '@nats-io/transport-node'

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

/** A key pair of a user: the server knows the public half. */
export function newUserKey(): { readonly publicKey: string; readonly seed: string } {
  const user = nkeys.createUser()
  return { publicKey: user.getPublicKey(), seed: text(user.getSeed()) }
}

/** Of a server whose users log in by credentials: its configuration, and what a .creds file of a user holds. */
export interface OperatorMode {
  readonly config: string
  readonly credentials: string
}

export function operatorMode(): OperatorMode {
  const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()]
  const unlimited = { subs: -1, data: -1, payload: -1 }
  const jetstream = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }
  const limits = { ...unlimited, ...jetstream, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
  const accountJwt = token(operator, account.getPublicKey(), { limits, type: 'account', version: 2 })
  const userJwt = token(account, user.getPublicKey(), { pub: {}, sub: {}, ...unlimited, type: 'user', version: 2 })
  const operatorJwt = token(operator, operator.getPublicKey(), { type: 'operator', version: 2 })
  const system = nkeys.createAccount().getPublicKey()
  const ofSystem = { ...unlimited, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 }
  const systemJwt = token(operator, system, { limits: ofSystem, type: 'account', version: 2 })
  const known = `{${account.getPublicKey()}: ${accountJwt}, ${system}: ${systemJwt}}`
  const block = (name: string, value: string): string =>
    `-----BEGIN ${name}-----\n${value}\n------END ${name}------\n\n`
  return {
    config: `operator: ${operatorJwt}\nresolver: MEMORY\nsystem_account: ${system}\nresolver_preload: ${known}\n`,
    credentials: block('NATS USER JWT', userJwt) + block('USER NKEY SEED', text(user.getSeed())),
  }
}

/** A JWT as NATS wants it: docs.nats.io, "JWTs Privacy"; signed by the key of the issuer. */
function token(issuer: ReturnType<typeof nkeys.createUser>, subject: string, nats: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { jti: subject, iat: 1_700_000_000, iss: issuer.getPublicKey(), sub: subject, name: subject, nats }
  const body = `${part({ typ: 'JWT', alg: 'ed25519-nkey' })}.${part(claims)}`
  return `${body}.${Buffer.from(issuer.sign(Buffer.from(body))).toString('base64url')}`
}
