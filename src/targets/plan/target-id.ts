import type { ActionSpec } from '../../model/rule/action.ts'
import type { TargetConfig } from '../../model/rule/target-config.ts'

/**
 * Names a target: as the operator named it under `targets:`, else `TYPE ADDRESS`. The name stands in logs, metrics and
 * dead letters, so `address` holds no secrets. Where actions of one name differ in their options, the rules tell them
 * apart (rules/name-targets.ts).
 */
export function targetConfig(type: string, spec: ActionSpec, address: string, options: unknown): TargetConfig {
  return { id: spec.targetName ?? `${type} ${address}`, type, options }
}

/** `host:port/path` of a URL: no user, password or query. The text itself is not repeated where it is no URL. */
export function printableAddress(url: string): string {
  const parsed = URL.parse(url)
  if (parsed === null) return '(invalid address)'
  const user = parsed.username === '' ? '' : `${decodeURIComponent(parsed.username)}@`
  return `${user}${parsed.host}${parsed.pathname === '/' ? '' : parsed.pathname}`
}
