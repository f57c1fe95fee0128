import { WRITER_TABLES } from '../writer-tables.ts'
import { ORDERS_TABLE } from './orders.ts'

/** Where all of them send to. */
export const STREAM = 'arrivals'
/** Longer than what stays in memory. */
export const DELAY_MS = 1_500
export const RULES_OF_ROWS = ['direct', 'delayed', 'spooled', 'both'] as const

/** `flaky`: address of the target that is down at times. `rowsMs`: how long rows are delayed. */
export function waitingRules(flaky: string, rowsMs = DELAY_MS): string {
  const add = (rule: string, key: string, more: string): string =>
    `{type: redis, ${more}cmd: XADD, key: ${STREAM}, fields: {rule: ${rule}, key: "${key}", seq: "{{seq}}", op: "{{event.op}}", id: "{{event.id}}"}}`
  const row = (rule: string, options: string, more = ''): string => `  - id: ${rule}
    table: [${WRITER_TABLES.join(', ')}]
${options}    actions:
      - ${add(rule, '{{table}}:{{uid}}', more)}
`
  const url = `url: "${flaky}", `
  return `rules:
${row('direct', '')}${row('delayed', `    delay: ${rowsMs}ms\n`)}${row('spooled', '', url)}${row('both', `    delay: ${rowsMs}ms\n`, url)}  - id: reminded
    table: ${ORDERS_TABLE}
    events: INSERT
    delay: ${DELAY_MS}ms
    cancelOn: {events: UPDATE, filter: "new.status == 'paid'"}
    actions:
      - {type: redis, cmd: XADD, key: ${STREAM}, fields: {rule: reminded, key: "{{id}}", seq: "0", op: insert, id: "{{event.id}}"}}
`
}
