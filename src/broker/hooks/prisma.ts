import { currentActor } from './actor.ts'
import { Hook, keyOf, type HookEvent, type HookOperation, type HookOptions } from './hook.ts'

/** What an operation of a model did. */
export interface PrismaChange {
  readonly model: string
  /** As Prisma calls it: `createMany`, `upsert`, `findFirst` … */
  readonly method: string
  readonly operation: HookOperation
  readonly args: unknown
  readonly result: unknown
}

export interface PrismaEventsOptions extends HookOptions {
  /** Of a model. Default: its name with a small first letter. Null: no event. */
  readonly entity?: ((model: string) => string | null) | undefined
  /** Replaces what would be published: `{method, result}`. */
  readonly event?: ((change: PrismaChange) => Partial<Omit<HookEvent, 'entity'>>) | undefined
}

/** What Prisma hands to an extension of all operations. */
interface Call {
  readonly model: string
  readonly operation: string
  readonly args: unknown
  readonly query: (args: never) => Promise<unknown>
}

export interface PrismaEventsExtension {
  readonly name: string
  readonly query: { readonly $allModels: { $allOperations(call: Call): Promise<unknown> } }
}

/**
 * An extension for `prisma.$extends`: publishes `SCHEMA.MODEL.OPERATION` when an operation of a model has worked; `upsert` is an
 * update. It does not know whether the transaction around it is committed: where that counts, use the outbox.
 */
export function prismaEvents(options: PrismaEventsOptions): PrismaEventsExtension {
  const hook = new Hook(options)
  const { entity: entityOf = uncapitalized, event } = options
  const tell = (change: PrismaChange): void => {
    let entity: string | null = null
    try {
      entity = entityOf(change.model)
    } catch {
      // It has no event.
    }
    if (entity === null) return
    const name = entity
    hook.publish(change.operation, () => {
      const { method, result } = change
      const id = typeof result === 'object' && result !== null && 'id' in result ? result.id : undefined
      return {
        entity: name,
        payload: { method, result },
        key: keyOf(name, id),
        ...currentActor(),
        ...event?.(change),
      }
    })
  }
  return {
    name: 'bingo',
    query: {
      $allModels: {
        async $allOperations({ model, operation: method, args, query }) {
          const result = await query(args as never)
          const operation = operationOf(method)
          if (hook.publishes(operation)) tell({ model, method, operation, args, result })
          return result
        },
      },
    },
  }
}

function operationOf(method: string): HookOperation | null {
  if (method.startsWith('create')) return 'create'
  if (method.startsWith('update') || method === 'upsert') return 'update'
  if (method.startsWith('delete')) return 'delete'
  return /^(find|count|aggregate|groupBy)/.test(method) ? 'read' : null
}

function uncapitalized(model: string): string {
  return model.slice(0, 1).toLowerCase() + model.slice(1)
}
