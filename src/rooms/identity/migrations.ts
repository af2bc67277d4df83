/** The tables of the identity room. Secrets stand in them only as hashes, or sealed by the vault. */
import type { Migration } from '#ground/ledger.ts'

export interface IdentityTables {
  identity_projects: ProjectRow
  identity_users: UserRow
  identity_accounts: AccountRow
  identity_keys: KeyRow
  identity_api_tokens: ApiTokenRow
  identity_refresh_tokens: RefreshTokenRow
  identity_devices: DeviceRow
  identity_roles: RoleRow
  identity_signing_keys: SigningKeyRow
}

export interface ProjectRow {
  id: string
  name: string
  labels: string
  created_ms: number
}

export interface UserRow {
  id: string
  email: string
  password_hash: string
  enabled: number
  created_ms: number
}

export interface AccountRow {
  email: string
  id: string
  project: string
  display_name: string
  description: string
  disabled: number
  created_ms: number
  /** The private key that children of the house are given, sealed; null until one is. */
  child_key: string | null
}

export interface KeyRow {
  id: string
  email: string
  public_pem: string
  disabled: number
  created_ms: number
  /** `child` keys are the house's own and are not listed. */
  use: 'user' | 'child'
}

export interface ApiTokenRow {
  id: string
  hash: string
  name: string
  principal: string
  created_ms: number
  expires_ms: number
}

export interface RefreshTokenRow {
  hash: string
  user_id: string
  client: string | null
  expires_ms: number
}

export interface DeviceRow {
  hash: string
  user_code: string
  user_id: string | null
  client: string | null
  expires_ms: number
}

export interface RoleRow {
  name: string
  title: string
  description: string
  stage: string
  permissions: string
  etag: string
  deleted: number
}

export interface SigningKeyRow {
  id: string
  private_sealed: string
  public_pem: string
  certificate_pem: string
  created_ms: number
  /** Set once another key signs; it goes on verifying what it signed. */
  retired_ms: number | null
}

export const identityMigrations: Migration[] = [
  {
    number: 1,
    name: 'principals, keys, tokens and roles',
    up: (db) => [
      db.schema
        .createTable('identity_projects')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('labels', 'text', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull()),
      db.schema
        .createTable('identity_users')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('email', 'text', (column) => column.notNull().unique())
        .addColumn('password_hash', 'text', (column) => column.notNull())
        .addColumn('enabled', 'integer', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull()),
      db.schema
        .createTable('identity_accounts')
        .addColumn('email', 'text', (column) => column.primaryKey())
        .addColumn('id', 'text', (column) => column.notNull().unique())
        .addColumn('project', 'text', (column) => column.notNull())
        .addColumn('display_name', 'text', (column) => column.notNull())
        .addColumn('description', 'text', (column) => column.notNull())
        .addColumn('disabled', 'integer', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addColumn('child_key', 'text'),
      db.schema
        .createTable('identity_keys')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('email', 'text', (column) => column.notNull())
        .addColumn('public_pem', 'text', (column) => column.notNull())
        .addColumn('disabled', 'integer', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addColumn('use', 'text', (column) => column.notNull()),
      db.schema.createIndex('identity_keys_by_email').on('identity_keys').column('email'),
      db.schema
        .createTable('identity_api_tokens')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('hash', 'text', (column) => column.notNull().unique())
        .addColumn('name', 'text', (column) => column.notNull())
        .addColumn('principal', 'text', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addColumn('expires_ms', 'bigint', (column) => column.notNull()),
      db.schema
        .createTable('identity_refresh_tokens')
        .addColumn('hash', 'text', (column) => column.primaryKey())
        .addColumn('user_id', 'text', (column) => column.notNull())
        .addColumn('client', 'text')
        .addColumn('expires_ms', 'bigint', (column) => column.notNull()),
      db.schema
        .createTable('identity_devices')
        .addColumn('hash', 'text', (column) => column.primaryKey())
        .addColumn('user_code', 'text', (column) => column.notNull().unique())
        .addColumn('user_id', 'text')
        .addColumn('client', 'text')
        .addColumn('expires_ms', 'bigint', (column) => column.notNull()),
      db.schema
        .createTable('identity_roles')
        .addColumn('name', 'text', (column) => column.primaryKey())
        .addColumn('title', 'text', (column) => column.notNull())
        .addColumn('description', 'text', (column) => column.notNull())
        .addColumn('stage', 'text', (column) => column.notNull())
        .addColumn('permissions', 'text', (column) => column.notNull())
        .addColumn('etag', 'text', (column) => column.notNull())
        .addColumn('deleted', 'integer', (column) => column.notNull()),
      db.schema
        .createTable('identity_signing_keys')
        .addColumn('id', 'text', (column) => column.primaryKey())
        .addColumn('private_sealed', 'text', (column) => column.notNull())
        .addColumn('public_pem', 'text', (column) => column.notNull())
        .addColumn('certificate_pem', 'text', (column) => column.notNull())
        .addColumn('created_ms', 'bigint', (column) => column.notNull())
        .addColumn('retired_ms', 'bigint'),
    ],
  },
]
