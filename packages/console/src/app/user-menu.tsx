import { ActionIcon, Menu, Tooltip, useMantineColorScheme } from "@mantine/core";
import {
  IconDeviceDesktop,
  IconKeyboard,
  IconLanguage,
  IconLogout,
  IconMoon,
  IconPassword,
  IconSun,
  IconUserCircle,
} from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "react-router";
import { client } from "../api/client.ts";
import { useSpeech } from "../i18n/language.tsx";
import { usePrincipal } from "./session.tsx";
import classes from "./user-menu.module.css";

const NEXT_THEME = { auto: "light", light: "dark", dark: "auto" } as const;
const THEME_ICONS = { auto: IconDeviceDesktop, light: IconSun, dark: IconMoon } as const;

/** Theme, language and what belongs to the one who is logged in. */
export function UserMenu({ openShortcuts }: { openShortcuts: () => void }) {
  const { say, language, setLanguage } = useSpeech();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const principal = usePrincipal();
  const logOut = useLogOut();
  const ThemeIcon = THEME_ICONS[colorScheme];
  const otherLanguage = language === "en" ? "zh" : "en";
  const changeTheme = () => setColorScheme(NEXT_THEME[colorScheme]);
  const themeWord = `${say("frame.theme")}: ${say(`frame.theme.${colorScheme}`)}`;
  return (
    <>
      <Tooltip label={themeWord}>
        <ActionIcon className={classes.wide} onClick={changeTheme} aria-label={themeWord}>
          <ThemeIcon size={18} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={say(`frame.language.${otherLanguage}`)}>
        <ActionIcon
          className={classes.wide}
          onClick={() => setLanguage(otherLanguage)}
          aria-label={say(`frame.language.${otherLanguage}`)}
        >
          <IconLanguage size={18} stroke={1.6} />
        </ActionIcon>
      </Tooltip>
      <Menu>
        <Menu.Target>
          <ActionIcon aria-label={say("frame.you", { name: principal.name })}>
            <IconUserCircle size={20} stroke={1.6} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown className={classes.menu}>
          <Menu.Label>
            <span className="foreign">{principal.name}</span>
            {principal.role && ` · ${say(`role.${principal.role}`)}`}
          </Menu.Label>
          <Menu.Item leftSection={<ThemeIcon size={16} />} onClick={changeTheme} closeMenuOnClick={false}>
            {themeWord}
          </Menu.Item>
          <Menu.Item leftSection={<IconLanguage size={16} />} onClick={() => setLanguage(otherLanguage)}>
            {say(`frame.language.${otherLanguage}`)}
          </Menu.Item>
          <Menu.Item leftSection={<IconKeyboard size={16} />} onClick={openShortcuts}>
            {say("shortcuts.title")}
          </Menu.Item>
          {principal.kind === "user" && (
            <Menu.Item leftSection={<IconPassword size={16} />} component={Link} to="/settings/password">
              {say("settings.password")}
            </Menu.Item>
          )}
          <Menu.Divider />
          <Menu.Item leftSection={<IconLogout size={16} />} onClick={logOut}>
            {say("frame.logOut")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

function useLogOut(): () => void {
  const navigate = useNavigate();
  const queries = useQueryClient();
  return () => {
    // whatever the server answers, nothing of this person stays in the page
    void client.session
      .logout()
      .catch(() => undefined)
      .then(() => navigate("/login"))
      .then(() => queries.clear());
  };
}
