import { stringifyValue } from '../../model/event-json.ts'
import type { ActionSpec, TargetConfig } from '../../model/action.ts'

/** Address text → the different sets of options met under it, in the order met. */
const optionsByAddress = new Map<string, string[]>()

/**
 * Names a target: as the operator named it under `targets:`, else `TYPE ADDRESS`. The name stands in logs, metrics and
 * dead letters, so `address` holds no secrets. Actions whose options differ in what the address does not show
 * (a password, a certificate) get targets of their own, told apart as `TYPE ADDRESS #2`.
 */
export function targetConfig(type: string, spec: ActionSpec, address: string, options: unknown): TargetConfig {
  const name = spec.targetName ?? `${type} ${address}`
  const text = stringifyValue(options)
  let known = optionsByAddress.get(name)
  if (known === undefined) optionsByAddress.set(name, (known = []))
  let index = known.indexOf(text)
  if (index < 0) index = known.push(text) - 1
  return { id: index === 0 ? name : `${name} #${index + 1}`, type, options }
}

/** `host:port/path` of a URL: no user, password or query. The text itself is not repeated where it is no URL. */
export function printableAddress(url: string): string {
  const parsed = URL.parse(url)
  if (parsed === null) return '(invalid address)'
  const user = parsed.username === '' ? '' : `${decodeURIComponent(parsed.username)}@`
  return `${user}${parsed.host}${parsed.pathname === '/' ? '' : parsed.pathname}`
}
