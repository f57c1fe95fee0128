import { actionTypes } from '../targets/registry.ts'
import type { Config } from '../app/config/config.ts'
import type { TableDef } from '../model/table.ts'
import { loadRules, type CompileOptions, type LoadedRules } from '../rules/files/load.ts'

/** What the rules of this configuration are compiled against. */
export function compileOptions(config: Config, tables?: readonly TableDef[]): CompileOptions {
  return {
    baseDir: config.rules.baseDir,
    targets: config.targets,
    defaults: { redisUrl: config.redis.url, allowCidrs: config.webhooks.allowCidrs },
    actionTypes: actionTypes(),
    delivery: config.delivery,
    ...(tables !== undefined && { tables }),
  }
}

/** The rules that the configuration names; throws ProblemsError with everything that is wrong. */
export function rulesFor(config: Config, tables?: readonly TableDef[]): Promise<LoadedRules> {
  return loadRules({ ...compileOptions(config, tables), patterns: config.rules.patterns })
}
