/**
 * Makes a fresh clone ready to build. A step of its own: the bundler does not see packages that appear after its process
 * has looked at the directory.
 */
import { prepareOrExit } from "./install.ts";

prepareOrExit("production");
