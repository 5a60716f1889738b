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
  success: "操作成功",
  commandSent: "命令已提交",
  commandNotFound: "命令不存在",
  invalidRequest: "请求参数无效",
  invalidTime: "时间格式无效，应为RFC 3339",
  invalidRange: "开始时间必须早于结束时间",
  forbidden: "权限不足",
  cannotRun: "该节点不能执行命令",
} as const;
