import * as z from "zod";
import { DATA_TYPES } from "./vocabulary.ts";

export const DataTypeSchema = z.enum(DATA_TYPES);

export type DataType = z.infer<typeof DataTypeSchema>;
