import type { Log } from '../model/rule/action.ts'
import type { Config } from '../app/config/config.ts'
import { loadConfig } from '../app/config/load.ts'
import { printable } from '../model/printable.ts'
import { createLog } from '../ops/logger.ts'
import { NEEDS, type NeedyCommand, type Needs } from './needs.ts'

/** Options that every command has. */
export interface GlobalOptions {
  readonly config?: string
  readonly debug?: boolean
}

/**
 * The configuration of this process, as far as the command needs it; throws ProblemsError with everything that is wrong.
 * Warnings go to stderr.
 */
export function configFor(options: GlobalOptions, command: NeedyCommand): Config {
  const { source, used }: Needs = NEEDS[command]
  const { config, warnings } = loadConfig({
    file: options.config,
    env: process.env,
    cwd: process.cwd(),
    sourceRequired: source,
    used: typeof used === 'string' ? undefined : used,
    allowMissingSecrets: used === 'rules',
  })
  for (const { severity, code, message, hint } of warnings) {
    if (severity === 'note') continue
    process.stderr.write(printable(`warning ${code} ${message}${hint === undefined ? '' : `\n  → ${hint}`}\n`))
  }
  return config
}

/**
 * The log of a daemon: JSON on stdout for machines; for a person at a terminal, readable lines on stderr, so that the
 * audit log may have stdout.
 */
export function daemonLog(config: Config, options: GlobalOptions): Promise<Log> {
  const person = process.stdout.isTTY && process.stderr.isTTY
  return createLog({
    level: options.debug ? 'debug' : config.log.level,
    format: person ? 'pretty' : 'json',
    output: person ? 'stderr' : 'stdout',
    bindings: { name: config.name },
    secrets: secretsOf(config),
    rowValues: config.log.rowValues,
  })
}

/** The log of a command whose stdout is for data: warnings and errors on stderr. */
export function commandLog(config: Config, options: GlobalOptions, level: 'info' | 'warn' = 'warn'): Promise<Log> {
  return createLog({
    level: options.debug ? 'debug' : level,
    format: process.stderr.isTTY ? 'pretty' : 'json',
    output: 'stderr',
    bindings: {},
    secrets: secretsOf(config),
    rowValues: config.log.rowValues,
  })
}

function secretsOf({ source, http }: Config): string[] {
  return [source.password, http.token ?? '', ...http.tokens.map(({ token }) => token), source.tls.key ?? ''].filter(
    (secret) => secret !== '',
  )
}
