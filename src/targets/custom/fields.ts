import type { ActionSpec } from '../../model/rule/action.ts'
import type { FieldSpec } from '../../model/rule/action-field.ts'
import { unionReads } from '../../model/table/column-reads.ts'
import { constant } from '../plan/piece.ts'
import type { Piece } from '../plan/piece.ts'
import type { TargetOptions } from './target-type.ts'

export type Fields = { readonly [name: string]: FieldSpec }

/** Whether a field renders to another value for every event. */
export function isRendered(field: FieldSpec): boolean {
  switch (field.kind) {
    case 'template':
    case 'text':
    case 'templateList':
    case 'templateMap':
    case 'structure':
      return true
    case 'object':
      return Object.values(field.fields).some(isRendered)
    default:
      return false
  }
}

/** All fields of an action that are there, as one object. */
export function compileFields(spec: ActionSpec, fields: Fields): Piece<TargetOptions> {
  const pieces = Object.entries(fields).flatMap(([name, field]): [string, Piece<unknown>][] => {
    const piece = spec.has(name) ? compileField(spec, name, field) : undefined
    return piece === undefined ? [] : [[name, piece]]
  })
  return recordOf(pieces)
}

/** The values of fields that are the same for every event. */
export function constantsOf(spec: ActionSpec, fields: Fields): TargetOptions {
  const values = Object.entries(fields).map(([name, field]) => [name, constantOf(spec, name, field)] as const)
  return Object.fromEntries(values.filter(([, value]) => value !== undefined))
}

/** Undefined where the field could not be read, which is reported. */
function compileField(spec: ActionSpec, name: string, field: FieldSpec): Piece<unknown> | undefined {
  switch (field.kind) {
    case 'template':
    case 'text':
      return spec.template(name)
    case 'structure':
      return spec.structure(name)
    case 'templateList':
      return listOf(spec.templates(name) ?? [])
    case 'templateMap':
      return recordOf([...(spec.templateMap(name) ?? [])])
    case 'object': {
      const nested = spec.object(name)
      return nested && compileFields(nested, field.fields)
    }
    default:
      return constant(constantOf(spec, name, field))
  }
}

function constantOf(spec: ActionSpec, name: string, field: FieldSpec): unknown {
  switch (field.kind) {
    case 'boolean':
      return spec.boolean(name)
    case 'integer':
    case 'duration':
    case 'bytes':
    case 'rate':
      return spec.number(name)
    case 'stringList':
      return spec.strings(name)
    case 'stringMap': {
      const map = spec.stringMap(name)
      return map && Object.fromEntries(map)
    }
    case 'object': {
      const nested = spec.object(name)
      return nested && constantsOf(nested, field.fields)
    }
    default:
      return spec.string(name)
  }
}

function listOf(items: readonly Piece<unknown>[]): Piece<readonly unknown[]> {
  return {
    reads: (table) => unionReads(items.map((item) => item.reads(table))),
    bind: (table) => {
      const bound = items.map((item) => item.bind(table))
      return (change) => bound.map((render) => render(change))
    },
  }
}

function recordOf(pieces: readonly (readonly [string, Piece<unknown>])[]): Piece<TargetOptions> {
  return {
    reads: (table) => unionReads(pieces.map(([, piece]) => piece.reads(table))),
    bind: (table) => {
      const bound = pieces.map(([name, piece]) => [name, piece.bind(table)] as const)
      return (change) => Object.fromEntries(bound.map(([name, render]) => [name, render(change)]))
    },
  }
}
