import type { ActionPlan, InspectionProblem } from '../../model/rule/action.ts'
import { BingoError } from '../../model/errors.ts'
import { checkOutline } from './check-outline.ts'
import { findMethod } from './descriptors.ts'
import type { GrpcActionOptions, GrpcTargetOptions } from './options.ts'
import { reflect } from './reflection.ts'
import { openClient } from './target.ts'

const DEADLINE_MS = 5_000

/** Checks an action that has no .proto file against what the server says of itself. Rejects where it cannot be asked. */
export async function checkByReflection(
  action: Pick<ActionPlan, 'target' | 'options'>,
): Promise<readonly InspectionProblem[]> {
  const { proto, service, method, outline } = action.options as GrpcActionOptions
  if (proto !== null) return []
  const client = openClient(action.target.options as GrpcTargetOptions)
  try {
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
