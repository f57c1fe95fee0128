import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { IMAGE_NODE_ARGS } from '../support/daemon.ts'

test('what is tested and measured is what the image runs', () => {
  const dockerfile = readFileSync(new URL('../../Dockerfile', import.meta.url), 'utf8')
  const entrypoint = /^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1]
  expect(JSON.parse(entrypoint ?? 'null')).toEqual(['node', ...IMAGE_NODE_ARGS, '/app/dist/main.js'])
})
