import type { ActionSpec } from '../../model/rule/action.ts'
import { urlFault } from '../../model/url-fault.ts'

/** What a type's addresses may hold, and where what else is often written there belongs. */
export interface AddressRules {
  readonly code: string
  /** Matches the scheme with its colon and slashes. */
  readonly scheme: RegExp
  readonly example: string
  /** Whether a path (a database, a virtual host) belongs to the address. */
  readonly path: boolean
  /** Options that other clients read from an address → what to write instead. The first that matches. */
  readonly instead: readonly (readonly [RegExp, string])[]
}

const TLS_OPTION = /^(ssl|tls|use_?ssl|use_?tls|ca|cacertfile|cert|certfile|key|keyfile|verify|server_?name)/i

/** For every type: certificates, and the times that an action waits. */
const ALWAYS: AddressRules['instead'] = [
  [TLS_OPTION, '`tls: {}` with `ca`, `cert`, `key` and `servername`'],
  [/time_?out|deadline/i, '`timeout` of the action'],
  [/^(user(name)?|password|pass)$/i, 'user and password before the host: `user:password@host`'],
]

/**
 * Reports what is wrong with an address. An option that nobody reads is an error: who writes `?ssl-mode=REQUIRED` and gets
 * plaintext has been told nothing. Values are not repeated, as they may be secrets.
 */
export function checkAddress(spec: ActionSpec, field: string, text: string, rules: AddressRules): void {
  const fail = (message: string, hint: string): void => spec.fail(field, rules.code, message, hint)
  if (!rules.scheme.test(text))
    return fail('the address has the wrong scheme', `write for example \`${rules.example}\``)
  const url = URL.parse(text)
  // Only for http is it checked that the host can be one.
  const canBe = URL.canParse(text.replace(rules.scheme, 'http://'))
  if (url === null || url.hostname === '' || !canBe)
    return fail(`the address is not valid: ${urlFault(text)}`, `write for example \`${rules.example}\``)
  for (const name of new Set(url.searchParams.keys())) {
    const known = [...rules.instead, ...ALWAYS].find(([option]) => option.test(name))
    const hint = known ? `write ${known[1]}` : `remove it: write \`${rules.example}\`, without options`
    fail(`the address has the option ${JSON.stringify(name)}, which BinGo does not support`, hint)
  }
  if (url.hash !== '') fail('the address has a `#`', 'write it as %23 in a password')
  const path = url.pathname.replace(/^\//, '')
  if (path !== '' && (!rules.path || path.includes('/'))) {
    fail(
      'the address has a path, which BinGo does not use',
      `write for example \`${rules.example}\`; write a \`/\` in a name as %2F`,
    )
  }
}
