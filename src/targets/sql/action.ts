import type { ActionSpec, ActionType } from '../../model/rule/action.ts'
import { EvaluationError } from '../../model/errors.ts'
import { stringifyValue } from '../../model/event/forms/event-json.ts'
import { READS_NOTHING } from '../../model/table/column-reads.ts'
import { checkAddress } from '../plan/address.ts'
import type { AddressRules } from '../plan/address.ts'
import { printableAddress, targetConfig } from '../plan/target-id.ts'
import { compileConnectionAge, CONNECTION_AGE_FIELD } from '../plan/connection-age.ts'
import { compileTls, TLS_FIELD } from '../tls-files.ts'
import { instantsOf } from './times.ts'
import type { SqlActionOptions, SqlParam, SqlPayload, SqlTargetOptions } from './options.ts'

const ADDRESS: AddressRules = {
  code: 'BINGO_RULE_SQL_URL',
  scheme: /^(mysql|mariadb):\/\//i,
  example: 'mysql://app:secret@db:3306/reports',
  path: true,
  instead: [
    [/^(connection_?limit|max_?connections|pool_?size)$/i, '`connections` of the action'],
    [/^(charset|collation|time_?zone)$/i, 'nothing: BinGo always uses utf8mb4 and UTC'],
  ],
}

/** `type: sql`: one prepared statement per event, on a MySQL or MariaDB server. */
export const sql: ActionType = {
  type: 'sql',
  fields: {
    url: { kind: 'string', required: true, doc: 'mysql://user:password@host:3306/database' },
    statement: { kind: 'string', required: true, doc: 'One statement with `?` for each of `params`. No templates.' },
    params: { kind: 'structure', doc: 'List of values for the statement; NULL stays NULL.' },
    connections: { kind: 'integer', doc: 'Maximum number of connections. Default: 4.' },
    maxConnectionAge: CONNECTION_AGE_FIELD,
    tls: TLS_FIELD,
  },
  targetFields: ['url', 'connections', 'maxConnectionAge', 'tls'],
  defaultCoalesce: () => 'none',
  compile(spec) {
    const url = spec.string('url') ?? ''
    if (spec.has('url')) checkAddress(spec, 'url', url, ADDRESS)
    const statement = spec.string('statement') ?? ''
    if (statement.includes('{{')) {
      spec.fail(
        'statement',
        'BINGO_RULE_SQL_TEMPLATE',
        'a statement must not contain templates: data must never become SQL',
        'write `?` and put the value into `params`',
      )
    }
    const connections = spec.number('connections') ?? 4
    if (connections < 1) spec.fail('connections', 'BINGO_RULE_SQL_CONNECTIONS', '`connections` must be at least 1')
    const params = spec.structure('params')
    checkParams(spec, statement)
    const targetOptions: SqlTargetOptions = {
      url: url.replace(/^mariadb:/i, 'mysql:'),
      connections,
      tls: compileTls(spec),
      maxConnectionAgeMs: compileConnectionAge(spec),
    }
    const options: SqlActionOptions = { statement }
    return {
      target: targetConfig('sql', spec, printableAddress(url), targetOptions),
      options,
      reads: (table) => params?.reads(table) ?? READS_NOTHING,
      bind: (table) => {
        const render = params?.bind(table)
        const instant = instantsOf(table)
        return (change): SqlPayload =>
          render
            ? paramsOf(render(change)).map((value) => (typeof value === 'string' ? instant(change, value) : value))
            : []
      },
    }
  },
  async open(target, { mayDeliver }) {
    const { SqlTarget } = await import('./target.ts')
    return new SqlTarget(target.options as SqlTargetOptions, mayDeliver)
  },
}

/** Each `?` outside of texts, names and comments takes one of `params`. */
function checkParams(spec: ActionSpec, statement: string): void {
  const params = spec.outline('params')
  if (
    params !== undefined &&
    (params.tag === 'map' || (params.tag === 'scalar' && !String(params.value).includes('{{')))
  ) {
    spec.fail(
      'params',
      'BINGO_RULE_SQL_PARAMS',
      '`params` must be a list',
      'write for example `params: ["{{id}}", "{{email}}"]`',
    )
  }
  if (params?.tag === 'scalar' || params?.tag === 'map') return
  const marks = statement.replaceAll(QUOTED, '').split('?').length - 1
  const values = params?.items.length ?? 0
  if (marks === values || statement === '') return
  const message = `the statement has ${marks} \`?\`, but \`params\` has ${values} ${values === 1 ? 'value' : 'values'}`
  spec.fail(params === undefined ? 'statement' : 'params', 'BINGO_RULE_SQL_PARAMS', message)
}

const QUOTED = /'(?:[^'\\]|''|\\[^])*'|"(?:[^"\\]|""|\\[^])*"|`[^`]*`|--(?=\s|$)[^\n]*|#[^\n]*|\/\*[^]*?\*\//g

function paramsOf(rendered: unknown): SqlPayload {
  if (!Array.isArray(rendered)) throw new EvaluationError('BINGO_SQL_PARAMS', '`params` must be a list')
  return rendered.map(paramOf)
}

function paramOf(value: unknown): SqlParam {
  if (value === null || value === undefined) return null
  if (typeof value === 'string' || typeof value === 'number') return value
  if (typeof value === 'boolean') return value ? 1 : 0
  return typeof value === 'bigint' ? value.toString() : stringifyValue(value)
}
