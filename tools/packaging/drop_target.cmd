@echo off
rem Drop pictures on this file: photo.jpg gives photo-@SUFFIX@.png in the same folder, @RESULT@.
setlocal DisableDelayedExpansion
set "limn=%~dp0limn.exe"
if "%~1"=="" (
    echo Drop one or more pictures on @NAME@.
    pause
    exit /b 2
)

rem Explorer runs: cmd.exe /c ""FOLDER\@NAME@" PATH PATH". It quotes paths with spaces only, and cmd acts on & and ^ in
rem the others. So take the paths from that line; the last exit keeps cmd from running what follows an &.
setlocal EnableDelayedExpansion
set "line=!cmdcmdline!"
if not defined line goto typed
set "paths=!line:*/c ""=!"
if "!paths!"=="!line!" goto typed
set "paths=!paths:*" =!"
"!limn!" @COMMAND@ !paths:~0,-1!
if errorlevel 0 if not errorlevel 1 exit 0
pause
exit 1

:typed
setlocal DisableDelayedExpansion
"%limn%" @COMMAND@ %*
if errorlevel 0 if not errorlevel 1 exit /b 0
pause
exit /b 1
