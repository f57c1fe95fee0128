import { actionTypes } from '../targets/registry.ts'
import type { Config } from '../app/config/config.ts'
import { loadRules, type CompileOptions, type LoadedRules } from '../rules/files/load.ts'

export type KnownSource = Pick<CompileOptions, 'tables' | 'foldsNames'>

/** What the rules of this configuration are compiled against. */
export function compileOptions(config: Config): CompileOptions {
  return {
    baseDir: config.rules.baseDir,
    targets: config.targets,
    defaults: { redisUrl: config.redis.url, allowCidrs: config.webhooks.allowCidrs },
    actionTypes: actionTypes(),
    delivery: config.delivery,
  }
}

/** The rules that the configuration names, checked against what is known of the source; throws ProblemsError with everything that is wrong. */
export function rulesFor(config: Config, known: KnownSource = {}): Promise<LoadedRules> {
  return loadRules({ ...compileOptions(config), ...known, patterns: config.rules.patterns })
}
