/**
 * The library: pipelines of an application's own (docs/library.md), the event store (docs/event-store.md), outbox, inbox
 * and saga barrier (docs/outbox-library.md, docs/inbox.md, docs/sagas.md), and the shapes of what BinGo sends and answers. The daemon itself is the
 * command `bingo`.
 */
export { createPipeline } from './app/library/create-pipeline.ts'
export { loadRules } from './app/library/rules.ts'
export type {
  BrokerSourceOptions,
  LoadRulesOptions,
  MysqlSourceOptions,
  Pipeline,
  PipelineOptions,
  PipelineSettings,
  PipelineStats,
  RedeliveryResult,
  RuleStatsOfPipeline,
  RulesInput,
  SourceStatsOfPipeline,
  TargetStatsOfPipeline,
} from './app/library/contract.ts'
export type { EventDetails, EventToPublish, Moment, PublishedEvent, PublishOptions } from './events/to-publish.ts'
export { createBroker } from './broker/broker.ts'
export { getDefaultBroker, initialize } from './broker/default-broker.ts'
export type {
  AnyEvents,
  BatchEvent,
  Broker,
  BrokerEvent,
  BrokerOptions,
  BrokerRetry,
  BrokerStats,
  Duration,
  EventsOf,
  Handler,
  HandlerContext,
  PublishBatchOptions,
  PublishEventOptions,
  StartOptions,
  StopResult,
  SubscriptionOptions,
  SubscriptionStats,
} from './broker/contract.ts'
export { currentActor, runAs } from './broker/hooks/actor.ts'
export type { Actor } from './broker/hooks/actor.ts'
export { expressEvents } from './broker/hooks/express.ts'
export type { ExpressEventsOptions } from './broker/hooks/express.ts'
export { fastifyEvents } from './broker/hooks/fastify.ts'
export type { FastifyEventsOptions } from './broker/hooks/fastify.ts'
export type { HookEvent, HookOperation, HookOptions, HookPublisher } from './broker/hooks/hook.ts'
export { kyselyEvents } from './broker/hooks/kysely.ts'
export type { KyselyChange, KyselyEventsOptions } from './broker/hooks/kysely.ts'
export { prismaEvents } from './broker/hooks/prisma.ts'
export type { PrismaChange, PrismaEventsOptions } from './broker/hooks/prisma.ts'
export { createEventStore } from './event-store/create.ts'
export type { EventStoreOptions } from './event-store/create.ts'
export type {
  Aggregate,
  AggregateOptions,
  AppendOptions,
  AppendResult,
  DomainEvent,
  EventFilter,
  EventOrigin,
  EventStore,
  ExpectedVersion,
  GlobalPosition,
  ListStreamsOptions,
  NewEvent,
  NewSnapshot,
  ReadAllOptions,
  ReadSnapshotOptions,
  ReadStreamOptions,
  RecordedEvent,
  Snapshot,
  SnapshotRules,
  StreamSummary,
  SubscribeOptions,
} from './event-store/contract.ts'
export { fromEnvelope, toEnvelope } from './event-store/envelope.ts'
export type { DomainEventEnvelope } from './event-store/envelope.ts'
export { VersionConflictError } from './event-store/errors.ts'
export { createInbox } from './inbox/inbox.ts'
export type { InboxOptions } from './inbox/inbox.ts'
export type { Inbox, InboxCleanup, InboxMessage, InboxResult, InboxStorage } from './inbox/contract.ts'
export { MemoryInbox } from './inbox/memory.ts'
export { sqlInbox } from './inbox/sql.ts'
export type { SqlInboxOptions } from './inbox/sql.ts'
export { barrier, createBarrier } from './inbox/barrier/barrier.ts'
export type { BarrierOptions } from './inbox/barrier/barrier.ts'
export type {
  Barrier,
  BarrierOutcome,
  BarrierResult,
  BarrierStorage,
  BarrierWork,
  NotedCommand,
  SagaCommand,
  SagaHeaders,
  SagaOperation,
} from './inbox/barrier/contract.ts'
export { sagaCommandOf } from './inbox/barrier/headers.ts'
export { MemoryBarrier } from './inbox/barrier/memory.ts'
export { sqlBarrier } from './inbox/barrier/sql.ts'
export type { SqlBarrierOptions } from './inbox/barrier/sql.ts'
export type {
  Outbox,
  OutboxClaim,
  OutboxEntry,
  OutboxProcessor,
  OutboxProcessorOptions,
  OutboxStorage,
  StoredOutboxEntry,
} from './outbox/contract.ts'
export { MemoryOutbox } from './outbox/memory.ts'
export { createOutbox } from './outbox/outbox.ts'
export type { OutboxOptions } from './outbox/outbox.ts'
export { sqlOutbox } from './outbox/sql.ts'
export type { SqlOutboxOptions } from './outbox/sql.ts'
export { version } from './cli/version.ts'
export type { DeliveryFailure, Log } from './model/rule/action.ts'
export type { FieldSpec } from './model/rule/action-field.ts'
export { Change } from './model/event/change.ts'
export type { ChangeEvent, Transaction } from './model/event/change.ts'
export type { Operation, Row, RowOp, Value } from './model/event/row.ts'
export type { Clock, Timer } from './model/clock.ts'
export type {
  EventEnvelope,
  EventOutcome,
  EventProgress,
  EventRecord,
  EventStatus,
} from './model/event/posted/event-record.ts'
export type { CloudEvent } from './model/event/forms/cloud-event.ts'
export type { DeadLetter, DeadLetterFilter } from './model/delivery/dead-letter.ts'
export { BingoError, ProblemsError } from './model/errors.ts'
export type { Problem, SourceLocation } from './model/errors.ts'
export type { Gap } from './model/event/gap.ts'
export type { Intake } from './model/source/intake.ts'
export type { Rule } from './model/rule/rule.ts'
export type { RuleSet } from './model/rule/rule-set.ts'
export { PauseReasons } from './model/source/source.ts'
export { SourceState } from './model/source/source-state.ts'
export type { Positions, Source } from './model/source/source.ts'
export type { TableDef } from './model/table/table.ts'
export type { Health } from './ops/health.ts'
export type { Status } from './ops/status.ts'
export type { LoadedRules } from './rules/files/load.ts'
export { formatProblems } from './rules/files/format-problems.ts'
export { groupSource } from './sources/custom/group-source.ts'
export type { ChangeGroup, GroupSourceOptions } from './sources/custom/group-source.ts'
export { rowChange } from './sources/custom/row-change.ts'
export type { RowChange, RowChangeOptions, RowValues } from './sources/custom/row-change.ts'
export { defineTable } from './sources/custom/table.ts'
export type { ColumnKind, TableOptions } from './sources/custom/table.ts'
export type {
  CustomTarget,
  OpenContext,
  TargetMessage,
  TargetOptions,
  TargetType,
} from './targets/custom/target-type.ts'
