/** One GB as brainjar and its seed count it: 1024³ bytes. */
export const GB = 1024 ** 3;
