// Where the portable file's program starts: says that its tree is used, then is brainjar.
import "./hold_tree.ts";
import "../../../main.ts";
