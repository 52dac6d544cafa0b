/**
 * The folder in each place in which unfinished work is, and what the user of the place keeps beside its files. Nothing
 * below it is a place of its own, so {@link Folder.findNeighbour} does not look there.
 */
export const WORK_FOLDER = '.export';

/** Where unpublished parts are. */
export const PARTS_FOLDER = `${WORK_FOLDER}/parts`;
