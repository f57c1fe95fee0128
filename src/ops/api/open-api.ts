import { z } from 'zod'
import type { ApiDeps } from './context.ts'
import { JSON_TYPE, OPERATIONS } from './operations.ts'
import { COMPONENTS, type Operation, type SchemaName } from './operation.ts'

const TITLE = 'BinGo: posted events and sagas'
const TAGS = [
  { name: 'events', description: 'Post events, and see what became of them.' },
  { name: 'rules', description: 'Rules on events.' },
  { name: 'sagas', description: 'Instances of sagas.' },
  { name: 'cloudevents', description: 'CloudEvents 1.0.' },
]

const STATUS_TEXTS: { readonly [status: number]: string } = {
  400: 'The body is not JSON, or not UTF-8.',
  401: 'No token, or an unknown one.',
  403: 'The token lacks a scope, or belongs to another environment.',
  404: 'There is no such thing.',
  409: 'It conflicts with what is stored, or comes too late.',
  413: 'The body, or an event in it, is too large.',
  415: 'The media type is not supported.',
  421: 'This is a worker: ask the reader.',
  422: 'Something in it is invalid; `path` says what.',
  429: 'Too many events: retry after `Retry-After` seconds.',
  503: 'It cannot be stored now: retry.',
}
/** The OpenAPI 3.1 document, made of the schemas that validate. */
export function openApi({ version }: Pick<ApiDeps, 'version'>): object {
  const paths: { [path: string]: { [method: string]: object } } = {}
  for (const operation of OPERATIONS) (paths[operation.path] ??= {})[operation.method] = describe(operation)
  const INPUTS: ReadonlySet<string> = new Set([
    'Post',
    'Bulk',
    'Replay',
    'Redelivered',
    'Invoke',
    'SagaCommand',
    'CloudEvent',
    'CloudEvents',
  ])
  const components = Object.entries(COMPONENTS).map(([name, schema]) => [
    name,
    schemaOf(schema, INPUTS.has(name) ? 'input' : 'output'),
  ])
  return {
    openapi: '3.1.0',
    info: {
      title: TITLE,
      version,
      description: 'Post events, follow what rules do with them, and operate rules and sagas.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: TAGS,
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: Object.fromEntries(components) as object,
    },
  }
}

function describe(operation: Operation): object {
  const { id, summary, tag, scope, body, optionalBody, answer, statuses } = operation
  const content =
    body && Object.fromEntries(Object.entries(body).map(([type, name]) => [type, { schema: reference(name) }]))
  const parameters = parametersOf(operation)
  return {
    operationId: id,
    summary,
    description: `Needs the scope \`${scope}\`.`,
    tags: [tag],
    ...(parameters.length > 0 && { parameters }),
    ...(content !== undefined && { requestBody: { required: optionalBody !== true, content } }),
    responses: {
      200: answerOf(answer),
      ...Object.fromEntries(
        statuses
          .toSorted((a, b) => a - b)
          .map((status) => [
            status,
            { description: STATUS_TEXTS[status]!, content: { [JSON_TYPE]: { schema: reference('Problem') } } },
          ]),
      ),
    },
  }
}

function answerOf(answer: Operation['answer']): object {
  if (answer === 'stream') {
    return { description: 'Events as they come.', content: { 'text/event-stream': { schema: { type: 'string' } } } }
  }
  const schema = typeof answer === 'string' ? reference(answer) : { type: 'array', items: reference(answer.list) }
  return { description: 'Done.', content: { [JSON_TYPE]: { schema } } }
}

function parametersOf({ path, query, headers = [] }: Operation): readonly object[] {
  const ids = [...path.matchAll(/{(\w+)}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const named = Object.entries(query?.shape ?? {}).map(([name, schema]) => {
    const { description, ...rest } = schemaOf(schema as z.ZodType, 'input')
    return { name, in: 'query', ...(typeof description === 'string' && { description }), schema: rest }
  })
  const sent = headers.map(([name, description]) => ({ name, in: 'header', description, schema: { type: 'string' } }))
  return [...ids, ...named, ...sent]
}

function reference(name: SchemaName): object {
  return { $ref: `#/components/schemas/${name}` }
}

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): { readonly [key: string]: unknown } {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}
