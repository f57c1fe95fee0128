import type { LoadedRules } from '../../../src/rules/files/load.ts'
import { loadRulesFromText } from '../../../src/rules/files/load.ts'
import { actionTypes } from '../../../src/targets/registry.ts'

/** Rules and sagas of a YAML text. */
export function sagaRules(text: string, env: { readonly [name: string]: string } = {}): LoadedRules {
  return loadRulesFromText([{ path: 'sagas.yaml', name: 'sagas.yaml', text }], {
    baseDir: '/',
    targets: new Map(),
    defaults: { redisUrl: undefined, allowCidrs: ['127.0.0.0/8', '::1/128'] },
    actionTypes: actionTypes(),
    env,
  })
}
