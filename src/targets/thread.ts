/**
 * A thread that runs the client of a target: takes calls, makes them, answers. An entry of its own, beside the program
 * (threads/threads.ts starts it).
 */
import { parentPort, workerData } from 'node:worker_threads'
import { serveCalls } from './threads/serve.ts'
import type { Serve, ThreadData, ThreadedOptions, ThreadedType } from './threads/messages.ts'
import type { GrpcTargetOptions } from './grpc/options.ts'
import type { WebhookTargetOptions } from './webhook/options.ts'

const CLIENTS: Readonly<Record<ThreadedType, (options: ThreadedOptions) => Promise<Serve>>> = {
  webhook: async (options) => {
    const { webhookInThread } = await import('./webhook/in-thread.ts')
    return webhookInThread(options as WebhookTargetOptions)
  },
  grpc: async (options) => {
    const { grpcInThread } = await import('./grpc/in-thread.ts')
    return grpcInThread(options as GrpcTargetOptions)
  },
}

const { type, options } = workerData as ThreadData
serveCalls(parentPort!, () => CLIENTS[type](options))
