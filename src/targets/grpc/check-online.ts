import { promisify } from 'node:util'
import type { Client } from '@grpc/grpc-js'
import type { InspectionProblem } from '../../model/rule/action.ts'
import type { ActionPlan } from '../../model/rule/rule.ts'
import { BingoError } from '../../model/errors.ts'
import { checkOutline } from './check-outline.ts'
import { findMethod } from './descriptors.ts'
import type { GrpcActionOptions, GrpcTargetOptions } from './options.ts'
import { reflect } from './reflection.ts'
import { openClient } from './calls.ts'

const DEADLINE_MS = 5_000

/**
 * Connects; checks an action that has no .proto file against what the server says of itself. Rejects where it cannot be
 * asked.
 */
export async function checkOnline(
  action: Pick<ActionPlan, 'target' | 'options'>,
): Promise<readonly InspectionProblem[]> {
  const { proto, service, method, outline } = action.options as GrpcActionOptions
  const client = openClient(action.target.options as GrpcTargetOptions)
  try {
    if (proto !== null) {
      await whenConnected(client, action.target.options as GrpcTargetOptions)
      return []
    }
    const { request } = findMethod(await reflect(client, service, DEADLINE_MS), service, method)
    const problems = outline === undefined ? [] : checkOutline(outline, request)
    return problems.map((problem) => ({ ...problem, code: 'BINGO_RULE_GRPC_FIELD' }))
  } catch (error) {
    if (error instanceof BingoError && error.code === 'BINGO_GRPC_METHOD') return [error]
    throw error
  } finally {
    client.close()
  }
}

/** The client does not say what its attempts failed of. */
async function whenConnected(client: Client, { address }: GrpcTargetOptions): Promise<void> {
  try {
    await promisify(client.waitForReady.bind(client))(Date.now() + DEADLINE_MS)
  } catch (cause) {
    throw new BingoError('BINGO_GRPC_STATUS', `${address} is unreachable: no connection within ${DEADLINE_MS} ms`, {
      hint: 'Check host, port and `tls` of the target.',
      retryable: true,
      cause,
    })
  }
}
