import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { serversCacheFolder } from '../../src/demo/servers/cache.ts'
import { findOnPath, runCommand } from '../../src/demo/servers/command.ts'
import { unpackDebianPackages } from '../../src/demo/servers/debian-packages.ts'
import { progressOnStderr } from '../../src/demo/servers/progress.ts'

const PACKAGES = { title: 'promtool', name: 'prometheus-own', suite: 'own', packages: ['prometheus'] }

async function promtool(...args: string[]): Promise<string> {
  const installed = await findOnPath('promtool')
  if (installed !== undefined) return runCommand({ command: installed, args, env: {} })
  const { root } = await unpackDebianPackages(PACKAGES, serversCacheFolder(), progressOnStderr)
  return runCommand({ command: join(root, 'usr/bin/promtool'), args, env: {} })
}

test('the alerts are valid and fire when they should', async () => {
  expect(await promtool('check', 'rules', 'config/prometheus/alerts.yaml')).toContain('SUCCESS: 11 rules found')
  expect(await promtool('test', 'rules', 'config/prometheus/alerts.test.yaml')).toContain('SUCCESS')
})

test('the documentation has each alert', () => {
  const page = readFileSync('docs/metrics.md', 'utf8')
  const alerts = [...readFileSync('config/prometheus/alerts.yaml', 'utf8').matchAll(/alert: (\w+)/g)].map(
    ([, name]) => name!,
  )
  expect(alerts.filter((name) => !page.includes(`| ${name} |`))).toEqual([])
})
