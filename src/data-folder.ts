/** What lies in a data folder, and what of it is data. Snapshots take the data and nothing else. */

/** Folders of files that the ledger names; logs of the bus may be ahead of it, never behind. */
export const DATA_FOLDERS = ['objects', 'staging', 'bus']
