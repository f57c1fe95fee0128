/**
 * What programs import that work beside BinGo: the shapes of what it sends and answers. The daemon itself is the command
 * `bingo`.
 */
export type { ChangeEvent, Operation, Value } from './model/change.ts'
export type { CloudEvent } from './model/cloud-event.ts'
export type { DeadLetter } from './model/dead-letter.ts'
export type { Health } from './ops/health.ts'
export type { Status } from './ops/status.ts'
export { version } from './cli/version.ts'
