import { isAbsolute, relative, resolve, sep } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Problem, SourceLocation } from '../../model/errors.ts'
import { version } from '../version.ts'

/**
 * Problems as SARIF 2.1.0 (OASIS), which code review tools show at the lines that they are about. Files below `cwd` are
 * named relative to it, so that a reviewer's checkout has them too.
 */
export function sarifOf(ok: boolean, problems: readonly Problem[], cwd: string): object {
  const codes = [...new Set(problems.map(({ code }) => code))].toSorted()
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'bingo check', semanticVersion: version(), rules: codes.map((id) => ({ id })) } },
        columnKind: 'utf16CodeUnits',
        // Problems were found or not: either way the run itself came to its end.
        invocations: [{ executionSuccessful: true, exitCode: ok ? 0 : 1 }],
        results: problems.map(({ code, severity, message, hint, location }) => ({
          ruleId: code,
          ruleIndex: codes.indexOf(code),
          level: severity,
          message: { text: hint === undefined ? message : `${message}\n${hint}` },
          locations: location === undefined ? [] : [{ physicalLocation: physicalLocation(location, cwd) }],
        })),
      },
    ],
  }
}

function physicalLocation({ file, line, column, excerpt }: SourceLocation, cwd: string): object {
  return {
    artifactLocation: { uri: uriOf(file, cwd) },
    region: {
      startLine: line,
      startColumn: column,
      ...(excerpt !== undefined && { snippet: { text: excerpt } }),
    },
  }
}

function uriOf(file: string, cwd: string): string {
  const path = resolve(cwd, file)
  const below = relative(cwd, path)
  if (below === '' || below.split(sep)[0] === '..' || isAbsolute(below)) return pathToFileURL(path).href
  return below.split(sep).map(encodeURIComponent).join('/')
}
