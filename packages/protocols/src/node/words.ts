import type { NodeErrorCode } from "./frames.ts";

/** What people read beside each code. Peers of the original show these, some compare them. */
export const CODE_MESSAGES: Readonly<Record<NodeErrorCode, string>> = {
  INVALID_TOKEN: "认证令牌无效",
  NODE_NOT_FOUND: "节点不存在",
  COMMAND_TIMEOUT: "命令执行超时",
  PARSE_ERROR: "消息解析失败",
  UNKNOWN_MESSAGE_TYPE: "未知的消息类型",
  DATABASE_ERROR: "数据库操作失败",
  INVALID_REGISTER_DATA: "节点注册数据无效",
  INVALID_METRIC_DATA: "监控数据无效",
};

/** The wire's fixed sentences. */
export const WORDS = {
  welcome: "欢迎连接到Server Manager Core",
  tokenDetails: "Token已过期或格式错误",
  registered: "节点注册成功",
  updated: "节点信息已更新",
  metricsSaved: "监控数据保存成功",
  databaseDetails: "等待重试或联系管理员",
  noMetrics: "该节点暂无监控数据",
} as const;
