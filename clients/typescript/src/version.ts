/** How this SDK names itself to the server. */
export const SDK_NAME = 'polos-typescript';

/** The version in package.json; a test holds the two together. */
export const SDK_VERSION = '0.1.0';
