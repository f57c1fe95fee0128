import { actionTypes } from '../targets/registry.ts'
import type { Config } from '../app/config/config.ts'
import { addedRules } from '../app/added-rules.ts'
import { ProblemsError } from '../model/errors.ts'
import { scaleProblems } from '../scale/rule-problems.ts'
import { loadRules, type CompileOptions, type LoadedRules, type LoadOptions } from '../rules/files/load.ts'

/** What is known of the source, and how strict the rules are read. */
export type Reading = Pick<CompileOptions, 'tables' | 'foldsNames' | 'allowMissingSecrets'>

/** What the rules of this configuration are compiled against. */
export function compileOptions(config: Config): CompileOptions {
  return {
    baseDir: config.rules.baseDir,
    targets: config.targets,
    defaults: {
      redisUrl: config.redis.url,
      allowCidrs: config.webhooks.allowCidrs,
      keepsEvents: config.events !== null,
      keepsStreams: config.eventStore !== null,
      mostHops: config.events?.limits.hops,
    },
    actionTypes: actionTypes(),
    added: addedRules(config, actionTypes()),
    delivery: config.delivery,
  }
}

/** The rules that the configuration names, checked against what is known of the source; throws ProblemsError with everything that is wrong. */
export async function rulesFor(config: Config, reading: Reading = {}): Promise<LoadedRules> {
  return fitForScale(config, await loadRules({ ...compileOptions(config), ...reading, ...patternsOf(config) }))
}

/** Throws ProblemsError for rules that workers cannot run, where the configuration has any. */
export function fitForScale({ scale, sources, events }: Config, loaded: LoadedRules): LoadedRules {
  const around = { hasSource: sources.length > 0, takesEvents: events !== null }
  const problems = scale === null ? [] : scaleProblems(loaded.ruleSet, around)
  if (problems.length > 0) throw new ProblemsError([...problems, ...loaded.warnings])
  return loaded
}

/** The files that the configuration names. */
export function patternsOf({ rules }: Config): Pick<LoadOptions, 'patterns' | 'mayBeMissing'> {
  return { patterns: rules.patterns, mayBeMissing: rules.mayBeMissing }
}
