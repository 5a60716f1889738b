import { pageQuerySchema } from "@muster/core/resources";
import { z } from "zod";

/** Ids are text that a lookup may miss; only their length is limited here. */
export const idParams = z.object({ id: z.string().min(1).max(200) });

/** Lists whose cursor is an id: anything else would be compared with ids all the same, and mean nothing. */
export const idPageQuery = pageQuerySchema.extend({ cursor: z.uuid().optional() });
