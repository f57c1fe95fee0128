import type { Serve } from '../threads/messages.ts'
import { OwnCalls } from './calls.ts'
import type { ThreadCall } from './calls.ts'
import type { GrpcTargetOptions } from './options.ts'

/** The client of a gRPC target, in a thread of its own. */
export function grpcInThread(options: GrpcTargetOptions): Serve {
  const own = new OwnCalls(options)
  return (call, message, signal) => own.call({ ...(call as ThreadCall), message }, signal)
}
