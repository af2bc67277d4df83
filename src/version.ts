/** The version that answers, banners and snapshots name. */
export const VERSION = '0.1.0'
