import { MysqlGtidSet } from '../gtid/gtid-set.ts'
import { mariadbGtidAt } from './binlog-status.ts'
import type { ControlConnection } from './login/control-connection.ts'
import { type ServerFacts, text } from './server-facts.ts'
import { FIRST_OFFSET } from '../start-point.ts'

const PAGE = 2_000

/**
 * What had been executed at `file:offset`, or null where the head of the file will tell it (offset 4) or the server
 * has no GTIDs. Without this, a start in the middle of a file could not be resumed by GTID.
 */
export async function executedAt(
  control: ControlConnection,
  facts: ServerFacts,
  file: string,
  offset: number,
): Promise<string | null> {
  if (!facts.gtids || offset <= FIRST_OFFSET) return null
  return facts.flavour === 'mariadb' ? mariadbGtidAt(control, file, offset) : mysqlExecutedAt(control, file, offset)
}

/** MySQL has no function for it: read the file's event list up to the offset, a page at a time. */
async function mysqlExecutedAt(control: ControlConnection, file: string, offset: number): Promise<string> {
  const executed = new MysqlGtidSet()
  let from = FIRST_OFFSET
  while (from < offset) {
    const events = await control.query(`SHOW BINLOG EVENTS IN ? FROM ${from} LIMIT ${PAGE}`, [file])
    for (const event of events) {
      if (Number(event['Pos']) >= offset) return executed.toString()
      from = Math.max(from, Number(event['End_log_pos']))
      addGtid(executed, text(event, 'Event_type'), text(event, 'Info'))
    }
    if (events.length < PAGE) break
  }
  return executed.toString()
}

/** Info of a GTID event: `SET @@SESSION.GTID_NEXT= 'uuid:7'`, or 'ANONYMOUS'. */
function addGtid(executed: MysqlGtidSet, type: string, info: string): void {
  if (type === 'Previous_gtids') executed.addSet(MysqlGtidSet.parse(info))
  const gtid = /GTID_NEXT= '([0-9a-f-]{36}:[^']+)'/i.exec(info)?.[1]
  if (gtid !== undefined && /^gtid/i.test(type)) executed.add(gtid.toLowerCase())
}
