import { BingoError } from '../../../../model/errors.ts'
import type { ControlConnection, SqlRow } from '../login/control-connection.ts'
import { error, type Finding } from './finding.ts'
import { type ServerFacts, text } from '../server-facts.ts'

/** Registered replicas only; a clash with another BinGo shows when the server throws one of the two out. */
export async function duplicateServerId(
  control: ControlConnection,
  facts: ServerFacts,
  ours: number,
): Promise<Finding | null> {
  if (ours === facts.serverId) {
    return error(
      'BINGO_PREFLIGHT_DUPLICATE_ID',
      `The server itself uses server id ${ours}`,
      'Set source.serverId to another number, or remove it',
    )
  }
  try {
    const replicas = await registeredReplicas(control, facts)
    if (!replicas.some((row) => Number(row['Server_id'] ?? row['Server_Id']) === ours)) return null
    const host = text(
      replicas.find((row) => Number(row['Server_id'] ?? row['Server_Id']) === ours),
      'Host',
    )
    return error(
      'BINGO_PREFLIGHT_DUPLICATE_ID',
      `Another replica${host && ` (${host})`} uses server id ${ours}; the server would keep disconnecting one of the two`,
      'Set source.serverId to another number',
    )
  } catch (cause) {
    // Not allowed to ask: the stream will tell.
    if (cause instanceof BingoError && !cause.retryable) return null
    throw cause
  }
}

/** MySQL 8.0.22 brought SHOW REPLICAS, 8.4 took the older spelling away. */
async function registeredReplicas(
  control: ControlConnection,
  { flavour, release }: ServerFacts,
): Promise<readonly SqlRow[]> {
  if (flavour === 'mysql' && release > 800) return control.query('SHOW REPLICAS')
  return control.query('SHOW SLAVE HOSTS')
}
