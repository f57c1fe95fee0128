import { createConfig, lintFromString } from '@redocly/openapi-core'
import { expect, test } from 'vitest'
import { createApi } from '../../../../src/ops/api/app.ts'
import { apiDeps } from '../../../support/events-api.ts'
import { violations } from '../../../support/json-schema.ts'
import type { JsonSchema } from '../../../../src/rules/schema/json-schema.ts'

interface Document {
  readonly openapi: string
  readonly paths: { readonly [path: string]: { readonly [method: string]: object } }
  readonly components: { readonly schemas: { readonly [name: string]: JsonSchema } }
}

async function document(): Promise<Document> {
  return (await (await createApi(apiDeps().deps).request('/openapi.json')).json()) as Document
}

test('the OpenAPI document passes the recommended rules of a linter', async () => {
  const config = await createConfig({ extends: ['recommended'] })
  const problems = await lintFromString({
    source: JSON.stringify(await document()),
    absoluteRef: 'openapi.json',
    config,
  })
  expect(
    problems.map(({ ruleId, message, location }) => `${ruleId}: ${message} ${location[0]?.pointer ?? ''}`),
  ).toEqual([])
})

test('the document lists every route of the API, and no other', async () => {
  const { deps } = apiDeps()
  const routes = createApi(deps)
    .routes.filter(({ path, method }) => path.startsWith('/api/v') && method !== 'ALL')
    .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)/g, '{$1}')}`)
  const { paths } = await document()
  const listed = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect(listed.toSorted()).toEqual(routes.toSorted())
})

test('what validates is what the document shows', async () => {
  const { components } = await document()
  const post = components.schemas['Post']!
  expect(
    violations({ event: { type: 'a.b', payload: { any: ['thing'] } }, options: { deliverAfter: 5 } }, post),
  ).toEqual([])
  expect(violations({ event: { type: 'a.b', pyload: 1 } }, post).join()).toContain('pyload is unknown')
  expect(violations({ event: { type: 'a.b' }, options: { delay: 1 } }, post).join()).not.toBe('')
})
