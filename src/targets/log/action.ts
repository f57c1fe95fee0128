import type { ActionSpec, ActionType } from '../../model/rule/action.ts'
import { compileMessage, FORMAT_FIELD, payloadAsJson } from '../plan/message.ts'
import { writing } from '../plan/piece.ts'
import { targetConfig } from '../plan/target-id.ts'
import type { LogTargetOptions } from './target.ts'

/** `type: log`: the audit log, one JSON object per line. */
export const log: ActionType = {
  type: 'log',
  fields: {
    path: { kind: 'string', doc: '`stdout` (the default) or a file, which BinGo appends to and reopens on SIGHUP.' },
    body: { kind: 'structure', doc: 'Content of a line. Default: the event.' },
    format: FORMAT_FIELD,
    fsync: { kind: 'boolean', doc: 'Syncs every write to disk (fsync). Default: false.' },
  },
  targetFields: ['path', 'fsync'],
  defaultCoalesce: () => 'none',
  compile(spec: ActionSpec) {
    const message = compileMessage(spec, 'body')
    // A line holds JSON.
    const line = message.kind === 'payload' ? payloadAsJson : message.content
    const path = spec.string('path') ?? 'stdout'
    if (path === '') spec.fail('path', 'BINGO_RULE_LOG_PATH', 'the path is empty', 'write `stdout` or a file')
    const options: LogTargetOptions = { path, fsync: spec.boolean('fsync') ?? false }
    return {
      target: { ...targetConfig('log', spec, path, options), takesLines: true },
      options: null,
      reads: (table) => line.reads(table),
      ...writing([line]),
      bind: (table) => line.bind(table),
    }
  },
  async open(target, context) {
    const { openLogTarget } = await import('./target.ts')
    return openLogTarget(target.options as LogTargetOptions, context)
  },
}
